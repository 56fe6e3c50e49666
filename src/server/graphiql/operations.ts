import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A document of a folder: GraphiQL opens with it, and demos and tests play it. */
export interface Operation {
  /** The name of its only operation. */
  readonly name: string;
  /** As written, including comments. */
  readonly query: string;
  /** JSON of the example's variables; null if there are none. */
  readonly variables: string | null;
}

/**
 * All `.graphql` files of a folder and of the folders in it, which are groups, in the order of their paths; each with the
 * variables of `NAME.variables.json`. Their texts may be placeholders, see `placeholders.js`.
 * @throws {Error} if a file has no operation with a name, or the folder cannot be read.
 */
export function readOperations(folder: URL): Operation[] {
  const path = fileURLToPath(folder);
  const read = (file: string) => readFileSync(join(path, file), 'utf8');
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' }).sort();
  return files
    .filter((file) => file.endsWith('.graphql'))
    .map((file) => {
      const query = read(file);
      const name = /^(?:query|mutation|subscription) (\w+)/m.exec(query)?.[1];
      if (!name) throw new Error(`${join(path, file)} has no operation with a name.`);
      const variables = file.replace(/\.graphql$/, '.variables.json');
      return { name, query, variables: files.includes(variables) ? read(variables) : null };
    });
}
