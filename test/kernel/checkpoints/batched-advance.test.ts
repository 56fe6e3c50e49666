import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Pool } from '../../../src/database/client.ts';
import { UNKNOWN_PLACE } from '../../../src/kernel/checkpoints/advance.ts';
import { CheckpointBatcher } from '../../../src/kernel/checkpoints/batched-advance.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { openTestPool } from '../../support/postgres/pool.ts';

const database = useDatabase({ per: 'emptied' });
const owner = randomUUID();
let pool: Pool;
let batcher: CheckpointBatcher;

beforeEach(async () => {
  pool = openTestPool({ url: database.url, connections: 1, applicationName: 'test' });
  batcher = new CheckpointBatcher(pool.db);
  for (const name of ['a', 'b', 'c']) {
    await database.sql`insert into read.checkpoints (projection, version, position, owner, generation)
                       values (${name}, 1, 5, ${owner}, 1)`;
  }
});
afterEach(() => pool.close());

const move = { from: 5, to: 9, owner, generation: 1, place: UNKNOWN_PLACE };
const positions = async () => {
  const rows = await database.sql<{ position: string }[]>`select position from read.checkpoints order by projection`;
  return rows.map(({ position }) => Number(position));
};
const updates = async () => {
  const rows = await database.sql<{ xmin: string }[]>`select xmin::text from read.checkpoints`;
  return new Set(rows.map(({ xmin }) => xmin)).size;
};

it('moves the checkpoints that are moved at the same moment with one statement', async () => {
  expect(await Promise.all(['a', 'b', 'c'].map((name) => batcher.move(name, move)))).toEqual([
    ...[expect.any(String), expect.any(String), expect.any(String)],
  ]);
  expect(await positions()).toEqual([9, 9, 9]);
  expect(await updates()).toBe(1);
});

it('leaves a checkpoint that is elsewhere, of another generation or another’s, and moves the others', async () => {
  const asked = [
    batcher.move('a', { ...move, from: 4 }),
    batcher.move('b', { ...move, generation: 2 }),
    batcher.move('c', move),
  ];
  expect(await Promise.all(asked)).toEqual([undefined, undefined, expect.any(String)]);
  expect(await batcher.move('a', { ...move, owner: randomUUID() })).toBeUndefined();
  expect(await batcher.move('nobody', move)).toBeUndefined();
  expect(await positions()).toEqual([5, 5, 9]);
});

it('does not wait for a checkpoint that somebody holds', async () => {
  await database.sql.begin(async (sql) => {
    await sql`select from read.checkpoints where projection = 'b' for update`;
    expect(await Promise.all(['a', 'b', 'c'].map((name) => batcher.move(name, move)))).toEqual([
      ...[expect.any(String), undefined, expect.any(String)],
    ]);
  });
  expect(await positions()).toEqual([9, 5, 9]);
});

it('finds a checkpoint at its last place, or by its key if its row was written since', async () => {
  const place = await batcher.move('a', move);
  expect(await database.sql`select ctid::text as place from read.checkpoints where projection = 'a'`).toMatchObject([
    { place },
  ]);
  const next = { ...move, from: 9, to: 10, place: place ?? '' };
  expect(await batcher.move('a', next)).toEqual(expect.any(String));
  await database.sql`update read.checkpoints set lease_until = now() where projection = 'a'`;
  expect(await batcher.move('a', { ...next, from: 10, to: 11 })).toEqual(expect.any(String));
  expect(await batcher.move('b', { ...move, place: place ?? '' })).toEqual(expect.any(String));
  expect(await positions()).toEqual([11, 9, 5]);
});
