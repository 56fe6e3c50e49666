import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scratchFolder } from '../support/scratch.ts';

let folder: string;
const biome = resolve('node_modules/@biomejs/biome/bin/biome');

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

/** What the linter says of a file. */
async function lint(path: string, source: string): Promise<{ readonly passes: boolean; readonly output: string }> {
  await write(path, source);
  const options = { cwd: folder, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [biome, 'lint', path], options);
  return { passes: status === 0, output: `${stdout}${stderr}` };
}

beforeAll(async () => {
  folder = await mkdtemp(join(scratchFolder(), 'afterwrite-lint-'));
  const { overrides } = JSON.parse(await readFile('biome.json', 'utf8')) as { overrides: { plugins?: string[] }[] };
  const withPlugins = overrides.filter(({ plugins }) => plugins);
  await write('biome.json', JSON.stringify({ overrides: withPlugins }));
  const plugins = withPlugins.flatMap(({ plugins }) => plugins ?? []);
  for (const plugin of plugins) await write(plugin, await readFile(plugin, 'utf8'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it.each(['Date.now()', 'new Date()', 'Date()', '[1].map(Date.now)'])(
  'refuses the wall clock in src: %s',
  async (use) => {
    const { passes, output } = await lint('src/kernel/some-file.ts', `export const some = ${use};\n`);
    expect(passes).toBe(false);
    expect(output).toContain('performance.now() for a duration');
  },
);

it('takes the monotonic clock, and dates that are made of something', async () => {
  const source = 'export const began = performance.now();\nexport const start = new Date(0);\n';
  expect(await lint('src/kernel/some-file.ts', source)).toMatchObject({ passes: true });
});

it('takes the wall clock in the one file that is for it', async () => {
  const { passes } = await lint('src/kernel/clock/wall-clock.ts', 'export const some = Date.now();\n');
  expect(passes).toBe(true);
});
