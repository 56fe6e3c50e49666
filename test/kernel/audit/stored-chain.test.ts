import { hash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { StoredChain } from '../../../src/kernel/audit/stored-chain.ts';
import { anAppend } from '../../support/kernel/appends.ts';
import { counterDomain, countersTable } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { forge } from '../../support/kernel/forging.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ tables: [countersTable], per: 'emptied' });
const openEngine = useEngine(database, [counterDomain]);

const MIB = 2 ** 20;

/** The positions of each page, and whether contents and hashes are those of these positions. */
async function pagesOf(after: number, until: number): Promise<number[][]> {
  const { owner } = (await openEngine()).database;
  const stored = await database.sql<{ position: number; content: string; hash: Buffer }[]>`
    select position::float8, es.event_content(e) as content, hash from es.events e`;
  const pages: number[][] = [];
  for await (const page of new StoredChain(owner.db).pages(after, until, AbortSignal.timeout(15_000))) {
    const positions: number[] = [];
    for (const { position, content, hash } of page) {
      const event = stored.find((each) => each.position === position);
      expect(content.toString()).toBe(event?.content);
      expect(hash).toEqual(event?.hash);
      positions.push(position);
    }
    pages.push(positions);
  }
  return pages;
}

async function written(count: number, data: object = {}): Promise<void> {
  const engine = await openEngine();
  await engine.log.append(
    Array.from({ length: count }, () =>
      anAppend({ events: [{ type: 'CounterIncremented', schemaVersion: 1, data: { by: 1, ...data } }] }),
    ),
  );
}

describe('reading the stored chain', () => {
  it('has each event once, in order, over the borders of pages', async () => {
    for (let part = 0; part < 5; part++) await written(900);
    const all = Array.from({ length: 4500 }, (_, nth) => nth + 1);
    expect((await pagesOf(0, 4500)).flat()).toEqual(all);
    expect((await pagesOf(0, 2000)).flat()).toEqual(all.slice(0, 2000));
    expect((await pagesOf(1999, 4001)).flat()).toEqual(all.slice(1999, 4001));
    expect((await pagesOf(4500, 4500)).flat()).toEqual([]);
  });

  it('keeps long contents apart, so that no page takes more memory than a few of them', async () => {
    await written(2);
    // Hashes do not compress; many equal letters do.
    const noise = Array.from({ length: MIB / 32 }, (_, nth) => hash('sha256', `${nth}`)).join('');
    for (const text of [noise, 'a'.repeat(3 * MIB)]) for (let nth = 0; nth < 4; nth++) await written(1, { text });
    await written(2);
    const pages = await pagesOf(0, 12);
    expect(pages.flat()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(Math.max(...pages.map(({ length }) => length))).toBeLessThanOrEqual(6);
  });

  it('looks at each long event a few times only, however many follow it', async () => {
    const events = 600;
    await written(events, { text: 'x'.repeat(100) });
    const { db } = (await openEngine()).database.owner;
    const looks = async () => {
      await db.execute(sql`select pg_stat_force_next_flush()`);
      const [row] = await db.execute<{ count: number }>(
        sql`select (idx_tup_fetch + seq_tup_read)::int as count from pg_stat_user_tables where relid = 'es.events'::regclass`,
      );
      return row?.count ?? 0;
    };
    const before = await looks();
    let pages = 0;
    // Each page has a few events.
    for await (const page of new StoredChain(db, 500).pages(0, events, AbortSignal.timeout(60_000))) {
      pages++;
      expect([...page].length).toBeLessThan(10);
    }
    expect(pages).toBeGreaterThan(100);
    expect((await looks()) - before).toBeLessThan(12 * events);
  });

  it('finds what comes after a hole of any size at once', async () => {
    await written(5);
    await forge(
      database,
      `delete from es.events where position = 2;
      update es.events set position = 9000000000000000 where position = 4;
      update es.events set position = 9000000000000002 where position = 5`,
    );
    const positions = [1, 3, 9_000_000_000_000_000, 9_000_000_000_000_002];
    expect((await pagesOf(0, Number.MAX_SAFE_INTEGER)).flat()).toEqual(positions);
  });
});
