import { randomUUID } from 'node:crypto';
import { sql as drizzleSql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pool } from '../../../src/database/client.ts';
import { notes } from '../../../src/domains/notes/index.ts';
import { FencedError } from '../../../src/kernel/checkpoints/advance.ts';
import { CheckpointBatcher } from '../../../src/kernel/checkpoints/batched-advance.ts';
import type { Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { ProjectionTable } from '../../../src/kernel/read/fold/projection-table.ts';
import type { Writes } from '../../../src/kernel/read/fold/working-rows.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { openTestPool } from '../../support/postgres/pool.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const owner = randomUUID();
const nothing: Writes = { upserts: new Map(), removals: [], before: new Map(), former: [], keys: new Set() };
let pool: Pool;

beforeEach(async () => {
  pool = openTestPool({ url: database.url, connections: 1, applicationName: 'moves checkpoints' });
  await database.sql`insert into read.checkpoints (projection, version, position, owner, generation)
                     values ('notes@1', 1, 0, ${owner}, 1)`;
});
afterEach(() => pool.close());

const position = async () => Number((await database.sql`select position from read.checkpoints`)[0]?.position);
const tableOf = (batcher?: CheckpointBatcher) => new ProjectionTable(pool.db, notes as unknown as Projection, batcher);
const step = (from: number, by = owner) => ({ from, to: from + 1, owner: by, generation: 1 });

/** How often the checkpoints were looked through or looked up by name. */
async function lookups(): Promise<number> {
  await pool.db.execute(drizzleSql`select pg_stat_force_next_flush()`);
  const [row] = await database.sql`
    select (seq_scan + idx_scan)::int as lookups from pg_stat_user_tables where relid = 'read.checkpoints'::regclass`;
  return row?.lookups;
}

describe.each([
  ['alone', () => tableOf()],
  ['together with others', () => tableOf(new CheckpointBatcher(pool.db))],
])('a checkpoint that is moved %s', (_, open) => {
  it('is looked up once, however often it is moved while somebody holds a snapshot', async () => {
    const table = open();
    await database.sql.begin('isolation level repeatable read', async (sql) => {
      await sql`select from read.checkpoints`;
      await table.write(nothing, step(0));
      const before = await lookups();
      for (let from = 1; from < 100; from++) await table.write(nothing, step(from));
      // The query that counts them is not one of them.
      expect((await lookups()) - before).toBe(0);
    });
    expect(await position()).toBe(100);
  });

  it('is moved although its row is written by somebody else at that moment', async () => {
    const table = open();
    await table.write(nothing, step(0));
    let moving: Promise<void> | undefined;
    await database.sql.begin(async (sql) => {
      await sql`update read.checkpoints set lease_until = now() where projection = 'notes@1'`;
      moving = table.write(nothing, step(1));
      await until(async () => {
        const waiting = await database.sql`
          select from pg_stat_activity where application_name = 'moves checkpoints' and wait_event_type = 'Lock'`;
        return waiting.length > 0;
      });
    });
    await moving;
    expect(await position()).toBe(2);
  });

  it('is not moved from elsewhere, nor by somebody else', async () => {
    const table = open();
    await table.write(nothing, step(0));
    await expect(table.write(nothing, step(0))).rejects.toThrow(FencedError);
    await expect(table.write(nothing, step(1, randomUUID()))).rejects.toThrow(FencedError);
    await table.write(nothing, step(1));
    expect(await position()).toBe(2);
  });
});
