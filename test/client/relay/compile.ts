import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ConcreteRequest } from 'relay-runtime';
import { DOCUMENTS } from './documents.ts';

/** The module that contains the documents; Relay wants their names to begin with it. */
const MODULE = 'shop';

/** What relay-compiler makes of documents whose names begin with `shop`. */
export interface Compiled {
  /** @param name for example `shopCustomerQuery`. */
  request(name: string): Promise<ConcreteRequest>;
  /** The text of what was made for a document. */
  readonly folder: string;
}

const CONFIG = '../../../docs/example/frontend/relay.config.mjs';

/** Compiles the documents of the tests with the configuration of the manual, in a folder of their own. */
export async function compile(): Promise<Compiled & { remove(): void }> {
  const { default: config } = await import(CONFIG);
  const folder = mkdtempSync(join(tmpdir(), 'afterwrite-relay-'));
  mkdirSync(join(folder, 'src'));
  copyFileSync('schema/schema.graphql', join(folder, 'schema.graphql'));
  const tags = DOCUMENTS.map((document) => `graphql\`${document}\`;`);
  writeFileSync(join(folder, 'src', `${MODULE}.ts`), `import { graphql } from 'relay-runtime';\n${tags.join('\n')}\n`);
  // Of a type import nothing remains at run time.
  writeFileSync(join(folder, 'relay.config.json'), JSON.stringify({ ...config, useImportTypeSyntax: true }));
  execFileSync(process.execPath, [resolve('node_modules/relay-compiler/cli.js'), 'relay.config.json'], { cwd: folder });
  const made = join(folder, 'src', '__generated__');
  return {
    folder: made,
    request: async (name) => (await import(/* @vite-ignore */ join(made, `${name}.graphql.ts`))).default,
    remove: () => rmSync(folder, { recursive: true }),
  };
}
