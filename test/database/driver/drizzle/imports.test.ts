// Upstream: https://github.com/openclaw/openclaw/pull/128541
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const execute = promisify(execFile);
const MODULE = new URL('../../../../src/database/driver/drizzle/imports.ts', import.meta.url).href;
/** A file that imports Drizzle as those of the product do. */
const IMPORTER = new URL('../../../../src/database/client.ts', import.meta.url).href;

/** Two projects in one folder, each with a package of Drizzle's name of its own, of which one imports another file. */
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'afterwrite-drizzle-'));
  for (const project of ['one', 'two']) {
    const home = join(folder, project, 'node_modules/drizzle-orm');
    await mkdir(join(home, 'pg-core'), { recursive: true });
    await mkdir(join(folder, project, 'src/deep'), { recursive: true });
    const exports = { '.': { import: './index.js', require: './index.cjs' }, './pg-core': './pg-core/index.js' };
    await writeFile(join(home, 'package.json'), JSON.stringify({ name: 'drizzle-orm', type: 'module', exports }));
    await writeFile(join(home, 'index.js'), `export { column } from './pg-core/index.js';`);
    await writeFile(join(home, 'index.cjs'), `exports.required = '${project}';`);
    await writeFile(join(home, 'pg-core/index.js'), `export { column } from '../column.js';`);
    await writeFile(join(home, 'column.js'), `export const column = '${project}';`);
    await writeFile(join(folder, project, 'src/deep/app.mjs'), `export * from 'drizzle-orm';`);
    await writeFile(
      join(folder, project, 'src/app.mjs'),
      `export { column } from './deep/app.mjs'; import { createRequire } from 'node:module';
       export { column as again } from 'drizzle-orm/pg-core';
       export const { required } = createRequire(import.meta.url)('drizzle-orm');`,
    );
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs a program in a process of its own. @returns what it has written, as JSON. */
async function run(program: string): Promise<unknown> {
  const env = { PATH: process.env.PATH };
  const { stdout } = await execute(process.execPath, ['--input-type=module', '--eval', program], { env });
  return JSON.parse(stdout);
}

const QUICKEN = `const { quickenDrizzleImports } = await import('${MODULE}'); const end = quickenDrizzleImports();`;

it('each project gets the Drizzle that it has installed, by import and by require', async () => {
  const program = (project: string) => `await import('${pathToFileURL(join(folder, project, 'src/app.mjs'))}')`;
  const found = await run(`${QUICKEN} console.log(JSON.stringify([${program('one')}, ${program('two')}]));`);
  expect(found).toEqual(['one', 'two'].map((project) => ({ column: project, again: project, required: project })));
});

it('a package that is missing is reported as usual, and so is a file that Drizzle does not have', async () => {
  const code = (specifier: string) => `await import('${specifier}').catch(({ code }) => code)`;
  const strange = pathToFileURL(join(folder, 'strange.mjs')).href;
  await writeFile(join(folder, 'strange.mjs'), `import 'drizzle-orm';`);
  await writeFile(join(folder, 'one/src/wrong.mjs'), `import 'drizzle-orm/nothing';`);
  const wrong = pathToFileURL(join(folder, 'one/src/wrong.mjs')).href;
  const codes = await run(`${QUICKEN} console.log(JSON.stringify([${code(strange)}, ${code(wrong)}]));`);
  expect(codes).toEqual(['ERR_MODULE_NOT_FOUND', 'ERR_PACKAGE_PATH_NOT_EXPORTED']);
});

it('imports are as usual when it has ended', async () => {
  const app = pathToFileURL(join(folder, 'one/src/app.mjs')).href;
  expect(await run(`${QUICKEN} end(); console.log(JSON.stringify((await import('${app}')).column));`)).toBe('one');
});

it('the product is loaded with half of the CPU', async () => {
  const measure = `
    await import('${IMPORTER}');
    const { user, system } = process.cpuUsage();
    console.log(JSON.stringify(user + system));`;
  const [plain, quick] = [Number(await run(measure)), Number(await run(QUICKEN + measure))];
  expect(quick).toBeLessThan(plain / 2);
});
