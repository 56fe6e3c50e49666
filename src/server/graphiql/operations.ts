import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../../../schema/operations/', import.meta.url);

/** A document of `schema/operations/`: GraphiQL opens with them, the demo plays them, and tests use them. */
export interface Operation {
  /** The name of its only operation. */
  readonly name: string;
  /** As written, including comments. */
  readonly query: string;
  /** JSON of the example's variables; null if there are none. */
  readonly variables: string | null;
}

/** All documents, in the order of their files' names. */
export function readOperations(): Operation[] {
  const files = readdirSync(folder).sort();
  return files
    .filter((file) => file.endsWith('.graphql'))
    .map((file) => {
      const query = read(file);
      const name = /^(?:query|mutation|subscription) (\w+)/m.exec(query)?.[1];
      if (!name) throw new Error(`schema/operations/${file} has no operation with a name.`);
      const variables = file.replace(/\.graphql$/, '.variables.json');
      return { name, query, variables: files.includes(variables) ? read(variables) : null };
    });
}

function read(file: string): string {
  return readFileSync(new URL(file, folder), 'utf8');
}
