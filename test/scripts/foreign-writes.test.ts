import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { foreignWrites } from '../../scripts/foreign-writes.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'afterwrite-writes-'));
  await write(
    'tsconfig.json',
    JSON.stringify({ compilerOptions: { strict: true, module: 'nodenext' }, include: ['.'] }),
  );
  await write('package.json', '{ "type": "module" }');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(file: string, text: string): Promise<void> {
  await writeFile(join(folder, file), text);
}

function found(): string[] {
  const writes = foreignWrites(join(folder, 'tsconfig.json'), folder);
  return writes.map(({ at, target, declaredIn }) =>
    [at.split('/').at(-1), target, declaredIn.split('/').at(-1)].join(' '),
  );
}

it('finds whatever a file assigns to, counts up or deletes that another file declares', async () => {
  await write('state.ts', 'export interface State { count: number; more?: { label: string } }\n');
  const writes = ['state.count = 1;', 'state.count += 1;', 'state.count++;', '--state.count;', 'delete state.more;'];
  const type = "import type { State } from './state.js';\n";
  await write('user.ts', `${type}export function use(state: State) {\n${writes.join('\n')}\n}\n`);
  await write(
    'more.ts',
    `${type}export const name = (state: State) => {\n  if (state.more) state.more.label = '';\n};\n`,
  );
  expect(found()).toEqual([
    'more.ts:3 state.more.label state.ts',
    ...[3, 4, 5, 6].map((line) => `user.ts:${line} state.count state.ts`),
    'user.ts:7 state.more state.ts',
  ]);
});

it('finds what a class writes to that its base class declares', async () => {
  await write('state.ts', 'export class State { protected count = 0; }\n');
  await write(
    'user.ts',
    "import { State } from './state.js';\nexport class Own extends State { set() { this.count = 1; } }\n",
  );
  await write('more.ts', 'export {};\n');
  expect(found()).toEqual(['user.ts:2 this.count state.ts']);
});

it('lets a file write to what it declares, to what libraries declare, and to elements', async () => {
  await write('state.ts', 'export class State { count = 0; add() { this.count++; } }\nnew State().count = 1;\n');
  await write(
    'user.ts',
    "const list = [1];\nlist[0] = 2;\nlist.length = 0;\nnew Error('').message = '';\nexport {};\n",
  );
  await write('more.ts', "import { State } from './state.js';\nexport const read = new State().count + 1;\n");
  expect(found()).toEqual([]);
});
