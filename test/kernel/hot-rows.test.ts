import { randomUUID } from 'node:crypto';
import { sql as drizzleSql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pool } from '../../src/database/client.ts';
import type { RecordedEvent } from '../../src/kernel/define/event.ts';
import type { Projection } from '../../src/kernel/define/read-model/projection.ts';
import { EventLog } from '../../src/kernel/log/event-log.ts';
import { foldBatch, planBatch } from '../../src/kernel/read/fold/fold-batch.ts';
import { ProjectionTable } from '../../src/kernel/read/fold/projection-table.ts';
import { anAppend } from '../support/kernel/appends.ts';
import { bookNumber, books, libraryTables, Read, readings, Written } from '../support/kernel/library.ts';
import { useDatabase } from '../support/postgres/database.ts';
import { openTestPool } from '../support/postgres/pool.ts';

/** Versions of one row that the snapshot keeps. They fill a dozen pages and more. */
const VERSIONS = 2000;
/** Most pages of the table that one more change may read. With an index that leads to all versions it is twice as many as they fill. */
const MOST_PAGES = 10;

const database = useDatabase({ tables: libraryTables, per: 'emptied' });
let pool: Pool;
beforeEach(() => {
  pool = openTestPool({ url: database.url, connections: 1, applicationName: 'changes hot rows' });
});
afterEach(() => pool.close());

/** Pages of a table that the pool's connection has read since it was opened. */
async function pagesOf(table: string): Promise<number> {
  await pool.db.execute(drizzleSql`select pg_stat_force_next_flush()`);
  const [row] = await database.sql`select heap_blks_read + heap_blks_hit as pages from pg_statio_user_tables
                                   where relid = ${table}::regclass`;
  return Number(row?.pages);
}

/** The pages of a table that something reads after its only row was updated again and again while somebody holds a snapshot. */
async function pagesWhileHeld(table: string, column: string, change: () => Promise<void>): Promise<number> {
  let pages = 0;
  await database.sql.begin('isolation level repeatable read', async (held) => {
    await held`select count(*) from ${held(table)}`;
    await pool.db.execute(
      drizzleSql.raw(`do $$ begin
        for n in 1..${VERSIONS} loop update ${table} set ${column} = ${column}; end loop;
      end $$`),
    );
    await change();
    const before = await pagesOf(table);
    await change();
    pages = (await pagesOf(table)) - before;
  });
  return pages;
}

describe('a row that was updated thousands of times while somebody holds a snapshot', () => {
  it.each([
    ['in batches that are appended as a whole', (version: number) => version],
    ['in batches whose appends are judged one by one', () => null],
  ])('is found at once if it is that of a stream: %s', async (_, expectedAt) => {
    const log = new EventLog(pool.db, {});
    const streamId = randomUUID();
    let version = 0;
    const append = async () => {
      const [outcome] = await log.append([anAppend({ streamId, expectedVersion: expectedAt(version) })]);
      expect(outcome).toMatchObject({ outcome: 'accepted', version: ++version });
    };
    await append();
    expect(await pagesWhileHeld('es.streams', 'occurred_at', append)).toBeLessThanOrEqual(MOST_PAGES);
  });

  it.each([
    ['with a key of one column', 'read.books_v1', books as Projection],
    ['with a key of two columns', 'read.readings_v1', readings as Projection],
  ])('is found at once if it is that of a read model, %s', async (_, name, projection) => {
    const owner = randomUUID();
    await database.sql`insert into read.checkpoints (projection, version, position, owner, generation)
                       values (${projection.checkpoint.key}, 1, 0, ${owner}, 1)`;
    const table = new ProjectionTable(pool.db, projection);
    let position = 0;
    const deliver = async (what: ReturnType<typeof Written | typeof Read>) => {
      const event = {
        ...{ position: position + 1, type: what.type, data: what.data, streamId: bookNumber(1), streamType: 'Book' },
        ...{ version: position + 1, occurredAt: new Date(0), recordedAt: new Date(0), metadata: {} },
      } as unknown as RecordedEvent;
      const plan = planBatch(projection, [event]);
      const writes = foldBatch(projection, plan, await table.read(plan));
      await table.write(writes, { from: position, to: ++position, owner, generation: 1 });
    };
    await deliver(Written({ title: 'One', author: 'ann', tags: [] }));
    const read = () => deliver(Read({ reader: 'cid', pages: 1 }));
    await read();
    expect(await pagesWhileHeld(name, 'stale_since', read)).toBeLessThanOrEqual(MOST_PAGES);
    const [row] = await database.sql`select max(last_position)::int as last from ${database.sql(name)}`;
    expect(row).toEqual({ last: position });
  });
});
