import { describe, expect, it } from 'vitest';
import { createCheckpoint } from '../../../src/kernel/checkpoints/checkpoints.ts';
import { type CheckpointKind, checkpointId } from '../../../src/kernel/define/checkpoint-id.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { openTestPool } from '../../support/postgres/pool.ts';

const database = useDatabase({ per: 'emptied' });
const ids = (['projection', 'rebuild', 'verify', 'process', 'effect'] as const satisfies readonly CheckpointKind[]).map(
  (kind) => checkpointId(kind, 'orders_by_day'),
);
const stored = () =>
  database.sql`select projection as key, kind, consumer as name, version from read.checkpoints order by projection`;
const byKey = ids.toSorted((a, b) => (a.key < b.key ? -1 : 1));

describe('checkpoints of every kind', () => {
  it('have keys of their own, whatever they have in common', () => {
    expect(new Set(ids.map(({ key }) => key)).size).toBe(ids.length);
  });

  it('are stored with their kind and name', async () => {
    const pool = openTestPool({ url: database.url, connections: 1, applicationName: 'test' });
    for (const id of ids) await createCheckpoint(pool.db, id);
    await pool.close();
    expect(await stored()).toEqual(byKey);
  });

  it('have their kind and name although a release that knows only keys makes them', async () => {
    for (const { key } of ids) {
      await database.sql`insert into read.checkpoints (projection, version) values (${key}, 1) on conflict do nothing`;
    }
    expect(await stored()).toEqual(byKey);
  });
});
