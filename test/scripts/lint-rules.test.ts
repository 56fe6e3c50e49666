import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

let folder: string;
const biome = resolve('node_modules/@biomejs/biome/bin/biome');

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

/** The linter's messages about a file. */
async function lint(path: string, source: string): Promise<{ readonly passes: boolean; readonly output: string }> {
  await write(path, source);
  const options = { cwd: folder, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [biome, 'lint', path], options);
  return { passes: status === 0, output: `${stdout}${stderr}` };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'afterwrite-lint-'));
  const { overrides } = JSON.parse(await readFile('biome.json', 'utf8')) as { overrides: { plugins?: string[] }[] };
  await write('biome.json', JSON.stringify({ overrides }));
  const plugins = overrides.flatMap(({ plugins }) => plugins ?? []);
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

it.each(['setTimeout(() => undefined, 10)', 'setInterval(() => undefined, 10)', "import('node:timers/promises')"])(
  'refuses a timer of its own in every part of the product: %s',
  async (use) => {
    for (const part of ['kernel', 'database', 'graphql', 'server', 'cli', 'testing']) {
      const { passes, output } = await lint(`src/${part}/some-file.ts`, `export const some = ${use};\n`);
      expect(passes).toBe(false);
      expect(output).toContain('Wait with src/scheduling');
    }
    expect(await lint('src/scheduling/some-file.ts', `export const some = ${use};\n`)).toMatchObject({ passes: true });
  },
);

it('refuses the waits of Node in the kernel', async () => {
  const source = "import { setTimeout as delay } from 'node:timers/promises';\nexport const some = delay(10);\n";
  expect(await lint('src/kernel/some-file.ts', source)).toMatchObject({ passes: false });
});

it('refuses a random choice in a test that no seed repeats', async () => {
  const { passes, output } = await lint('test/kernel/some.test.ts', 'export const some = Math.random();\n');
  expect(passes).toBe(false);
  expect(output).toContain('testRandom()');
});

it('refuses fast-check in a test without the seed of the run', async () => {
  const source = "import fc from 'fast-check';\nexport const some = fc.nat();\n";
  const { passes, output } = await lint('test/kernel/some.test.ts', source);
  expect(passes).toBe(false);
  expect(output).toContain('test/support/properties.ts');
  expect(await lint('test/support/properties.ts', source)).toMatchObject({ passes: true });
});

it('has a rule of layers for every folder of src, and each layer refuses those above it', async () => {
  const rules = await layerRules();
  const folders = (await readdir('src', { withFileTypes: true })).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).filter((name) => !rules.has(name))).toEqual([]);
  const refused = LAYERS.flatMap((layer, at) =>
    LAYERS.slice(at + 1).map((above) => [layer, above, rules.get(layer)?.includes(`**/${above}/**`)] as const),
  );
  expect(refused.filter(([, , isRefused]) => !isRefused)).toEqual([]);
});

/** From the bottom up. Folders that serve several layers (`text`, `observe`, `scheduling`, `settings`, `definition`, `doctor`) have rules of their own. */
const LAYERS = ['database', 'kernel', 'graphql', 'server', 'cli'];

/** The imports that are forbidden in each folder of src. */
async function layerRules(): Promise<ReadonlyMap<string, readonly string[]>> {
  interface Override {
    readonly includes: readonly string[];
    readonly linter?: {
      readonly rules: {
        readonly style?: {
          readonly noRestrictedImports?: {
            readonly options: { readonly patterns?: readonly { readonly group: string[] }[] };
          };
        };
      };
    };
  }
  const { overrides } = JSON.parse(await readFile('biome.json', 'utf8')) as { readonly overrides: readonly Override[] };
  return new Map(
    overrides.flatMap(({ includes, linter }) => {
      const patterns = linter?.rules.style?.noRestrictedImports?.options.patterns ?? [];
      const [, folder] = /^src\/([a-z]+)\/\*\*$/.exec(includes[0] ?? '') ?? [];
      return folder && patterns.length > 0 ? [[folder, patterns.flatMap(({ group }) => group)] as const] : [];
    }),
  );
}
