import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useApp } from '../support/server/app.ts';
import { pack } from './adopted.ts';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const compiler = join(root, 'node_modules/typescript/bin/tsc');

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** A project that has installed the packed client, and nothing else. */
let folder: string;
let installed: string;
let manifest: Manifest;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'afterwrite-client-'));
  const tarball = await pack(join(root, 'client'), folder);
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'page', private: true, type: 'module' }));
  await execute('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: folder });
  installed = join(folder, 'node_modules/@afterwrite/client');
  manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The libraries that the client works with, as `npm install` would put them there. */
async function installPeers(): Promise<void> {
  for (const name of Object.keys(manifest.peerDependencies)) {
    const place = join(folder, 'node_modules', name);
    if (existsSync(place)) continue;
    await mkdir(dirname(place), { recursive: true });
    await symlink(join(root, 'node_modules', name), place);
  }
}

const run = (file: string, ...words: readonly string[]) => execute(process.execPath, [file, ...words], { cwd: folder });

/** The names by which a page imports the parts of the client. */
const parts = () =>
  Object.keys(manifest.exports)
    .filter((name) => !name.endsWith('.json'))
    .map((name) => name.replace('.', '@afterwrite/client'));

describe('the packed client', () => {
  it('brings no other package, and works without any', async () => {
    expect(await readdir(join(folder, 'node_modules/@afterwrite'))).toEqual(['client']);
    expect(manifest.dependencies).toBeUndefined();
    const file = join(folder, 'alone.mjs');
    await writeFile(
      file,
      `import { createAfterwrite } from '@afterwrite/client';
       import { scalars } from '@afterwrite/client/codegen';
       await import('@afterwrite/client/fetch');
       const client = createAfterwrite({ url: 'http://127.0.0.1:9/graphql' });
       console.log(client.token, client.queued, scalars.DateTime);
       client.close();`,
    );
    expect((await run(file)).stdout).toBe('undefined 0 string\n');
  });

  it('has every file that it names: of code, of types, and of the sources of its maps', async () => {
    for (const entry of Object.values(manifest.exports)) {
      for (const file of typeof entry === 'string' ? [entry] : Object.values(entry)) {
        expect([file, existsSync(join(installed, file))]).toEqual([file, true]);
      }
    }
    const files = await readdir(installed, { recursive: true });
    const maps = files.filter((file) => file.endsWith('.map'));
    expect(maps.length).toBeGreaterThan(10);
    for (const map of maps) {
      const { sources } = JSON.parse(await readFile(join(installed, map), 'utf8')) as { sources: readonly string[] };
      for (const source of sources) {
        const path = join(installed, dirname(map), source);
        expect([source, path.startsWith(installed) && existsSync(path)]).toEqual([source, true]);
      }
    }
  });

  it.each([
    ['bundler', 'esnext'],
    ['node16', 'node16'],
  ])('has types for the pages of the manual with moduleResolution %s', async (moduleResolution, module) => {
    await installPeers();
    await cp(join(root, 'docs/example/frontend'), join(folder, 'manual'), { recursive: true });
    const imports = parts().map((name, nth) => `import * as part${nth} from '${name}';`);
    const uses = parts().map((_, nth) => `// @ts-expect-error: there is no such thing\npart${nth}.nothing;`);
    await writeFile(join(folder, 'manual/all.ts'), [...imports, ...uses].join('\n'));
    const compilerOptions = {
      ...{ module, moduleResolution, target: 'es2022', lib: ['es2024', 'dom', 'dom.iterable'] },
      ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true, types: [] },
    };
    const config = join(folder, `tsconfig.${moduleResolution}.json`);
    await writeFile(config, JSON.stringify({ compilerOptions, include: ['manual'] }));
    const { stdout } = await run(compiler, '--singleThreaded', '-p', config).catch(
      (error: { readonly stdout: string }) => error,
    );
    // Types of other packages are checked too, and not all of them are right.
    const isOurs = (line: string) => /error TS/.test(line) && !/node_modules\/(?!@afterwrite)/.test(line);
    expect(stdout.split('\n').filter(isOurs)).toEqual([]);
  });

  describe('beside the libraries', () => {
    const app = useApp({ fulfils: false });

    it('loads each of its parts in Node, and reads its own writes with Apollo Client and urql', async () => {
      await installPeers();
      const file = join(folder, 'all.mjs');
      await writeFile(
        file,
        `import assert from 'node:assert/strict';
         import { createAfterwrite } from '@afterwrite/client';
         import { afterwriteCache, afterwriteLink } from '@afterwrite/client/apollo';
         import { afterwriteExchange } from '@afterwrite/client/urql';
         import { ApolloClient, gql } from '@apollo/client';
         import { Client } from '@urql/core';
         for (const part of ${JSON.stringify(parts())}) assert.notDeepEqual(Object.keys(await import(part)), []);
         const afterwrite = createAfterwrite({ url: process.argv[2] });
         const id = crypto.randomUUID();
         const input = { id, name: 'Ada', email: 'ada@example.org' };
         await afterwrite.command(
           'mutation ($input: RegisterCustomerInput!, $commandId: ID) { registerCustomer(input: $input, commandId: $commandId) { ... on CommandReceipt { token } ... on Error { code message } } }',
           { input },
         );
         const query = gql('query ($id: ID!) { customer(id: $id) { id name version } }');
         const apollo = new ApolloClient({ link: afterwriteLink(afterwrite), cache: afterwriteCache() });
         const urql = new Client({ url: 'unused', preferGetMethod: false, exchanges: [afterwriteExchange(afterwrite)] });
         console.log((await apollo.query({ query, variables: { id } })).data.customer.name);
         console.log((await urql.query(query, { id }).toPromise()).data.customer.name);
         afterwrite.close();`,
      );
      expect((await run(file, `${app.url}/graphql`)).stdout).toBe('Ada\nAda\n');
    });
  });
});
