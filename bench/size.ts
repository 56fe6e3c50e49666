import postgres, { type Sql } from 'postgres';
import { liveAudited, makeAuditedTables } from './peers/audited-tables.ts';
import type { Benchmark } from './support/measuring/benchmark.ts';
import { atMost, type Measurement, type Ratio, ratio } from './support/measuring/result.ts';
import { median } from './support/measuring/statistics.ts';
import { prepareDatabase } from './support/running/engine.ts';
import { EVENTS_PER_ORDER, ITEMS_PER_ORDER, openOrderLives } from './support/workloads/order-lives.ts';
import { type TaggedNotes, tagNotes } from './support/workloads/tagged-notes.ts';

const ORDERS = 20_000;
const QUICK_ORDERS = 200;
/** Small changes of a few large notes. */
const TAGS = 6000;
const QUICK_TAGS = 200;
/** After each such part of the orders everything is vacuumed, as Postgres does when a fifth of a table has changed. */
const PARTS = 10;
const LOG = 'Afterwrite: log';
const AND_ROWS = 'Afterwrite: log and read models';
const ALL = 'Afterwrite: log, read models, former versions and audit trail';
const TABLES = 'Normalised: tables';
const AUDITED = 'Normalised: with an audit table';

/** Disk space of orders, with everything that is kept of them. */
export const benchmark: Benchmark = {
  name: 'size',
  run: async ({ postgres: server, rounds, quick, say }) => {
    const orders = quick ? QUICK_ORDERS : ORDERS;
    const found: Size[][] = [];
    const tags = quick ? QUICK_TAGS : TAGS;
    const tagged: TaggedNotes[] = [];
    for (let round = 1; round <= rounds; round++) {
      found.push(await sizesOfOrders(await prepareDatabase(server, 'size'), orders));
      say(`  round ${round} of ${rounds}: ${orders.toLocaleString('en')} orders have been delivered`);
      tagged.push(await sizesOfTags(await prepareDatabase(server, 'size'), tags));
      say(`  round ${round} of ${rounds}: ${tags.toLocaleString('en')} tags have been put on notes and taken off`);
    }
    const bytes = (
      chart: string,
      who: string,
      per: number,
      isOf: (name: string, part: Part) => boolean,
    ): Measurement => ({
      ...{ chart, at: '', who, unit: 'bytes' },
      rounds: found.map((sizes) => {
        const of = sizes.filter(({ name, part }) => isOf(name, part));
        return of.reduce((sum, { grown }) => sum + grown, 0) / per;
      }),
    });
    const kept = (who: string, isOf: (name: string) => boolean) => bytes('On disk for an order', who, orders, isOf);
    const isLog = (name: string) => name.startsWith('es.');
    const isAside = (name: string) => ['read.orders_history_v3', 'read.audit_trail_v1'].includes(name);
    const log = kept(LOG, isLog);
    const rows = kept(AND_ROWS, (name) => isLog(name) || (name.startsWith('read.') && !isAside(name)));
    const all = kept(ALL, (name) => isLog(name) || name.startsWith('read.'));
    const tables = kept(TABLES, (name) => name.startsWith('shop.') && name !== 'shop.audit');
    const audited = kept(AUDITED, (name) => name.startsWith('shop.'));
    const events = orders * EVENTS_PER_ORDER;
    const changes = orders * (1 + ITEMS_PER_ORDER + EVENTS_PER_ORDER - 1);
    const each = (who: string, per: number, isOf: (name: string, part: Part) => boolean) =>
      bytes('On disk for an event', who, per, isOf);
    const part = (who: string, name: string) =>
      bytes('On disk for an order, by table', who, orders, (of) => of === name);
    const change = (who: string, of: keyof TaggedNotes): Measurement => ({
      ...{ chart: 'On disk for a small change of a large note', at: '', who, unit: 'bytes' },
      rounds: tagged.map((sizes) => sizes[of] / tags),
    });
    const ofEvents = change('Afterwrite: its event, with indexes', 'eventBytes');
    const ofAll = change('Afterwrite: all that it adds', 'diskBytes');
    const growth = ratio(ofAll, ofEvents);
    const ratios: Ratio[] = [ratio(all, audited), ratio(rows, audited), ratio(log, tables), growth];
    return {
      benchmark: 'size',
      setting:
        `Size: what ${orders.toLocaleString('en')} orders with ${ITEMS_PER_ORDER} items add to the tables and their indexes. ` +
        'Through the commands each is placed, confirmed, shipped and delivered: four events; the read models are customers, ' +
        'products, orders, the former versions of orders, and the audit trail of all events. The normalised tables are ' +
        'customers, products, orders and their items with three indexes for lists and one for products; their audit table has ' +
        'a row with the whole row before and after, as JSON, for each row changed: seven an order. They go through the same ' +
        `changes. Both are vacuumed after each of ${PARTS} parts, nothing is packed tighter than that leaves it. ` +
        `Then ${tags.toLocaleString('en')} commands tag and untag eight notes of 100,000 characters; their read models are notes, ` +
        'with former versions, and the audit trail.',
      measurements: [
        ...[log, rows, all, tables, audited],
        each('Afterwrite: the event', events, (name, part) => name === 'es.events' && part === 'table'),
        each('Afterwrite: the event and its indexes', events, (name) => name === 'es.events'),
        each(LOG, events, isLog),
        each(ALL, events, (name) => isLog(name) || name.startsWith('read.')),
        each('Normalised: audit table, for a row changed', changes, (name) => name === 'shop.audit'),
        part('Afterwrite: events', 'es.events'),
        part('Afterwrite: streams', 'es.streams'),
        part('Afterwrite: read model of orders', 'read.orders_v3'),
        part('Afterwrite: former versions of orders', 'read.orders_history_v3'),
        part('Afterwrite: audit trail', 'read.audit_trail_v1'),
        part('Normalised: orders', 'shop.orders'),
        part('Normalised: items', 'shop.order_items'),
        part('Normalised: audit table', 'shop.audit'),
        ...[ofEvents, ofAll],
        change('Afterwrite: of that notes and their former versions', 'notesBytes'),
        change('Afterwrite: of that snapshots', 'snapshotBytes'),
        change('Afterwrite: write-ahead log', 'walBytes'),
      ],
      ratios,
      goals: [
        atMost(
          2,
          'times the normalised tables with an audit table, for an order with history and audit',
          median(ratio(all, audited).rounds),
        ),
        atMost(3, 'times the size of its event for a small change of a large note', median(growth.rounds)),
      ],
    };
  },
};

async function sizesOfTags(url: string, commands: number): Promise<TaggedNotes> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await tagNotes(url, sql, commands);
  } finally {
    await sql.end();
  }
}

type Part = 'table' | 'indexes';

/** By how much a table, or its indexes, have grown. */
interface Size {
  readonly name: string;
  readonly part: Part;
  readonly grown: number;
}

/** @throws if not all orders have been delivered on both sides. */
async function sizesOfOrders(url: string, orders: number): Promise<Size[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const shop = await openOrderLives(url);
  try {
    await makeAuditedTables(sql);
    const before = await sizes(sql);
    for (let part = 0; part < PARTS; part++) {
      await shop.live(orders / PARTS);
      await liveAudited(sql);
      await sql`vacuum`;
    }
    const [delivered] = await sql<{ ours: number; theirs: number }[]>`
      select (select count(*)::int from read.orders_v3 where status = 'DELIVERED') as ours,
        (select count(*)::int from shop.orders where status = 'DELIVERED') as theirs`;
    if (delivered?.ours !== orders || delivered.theirs !== orders) {
      throw new Error(`Not all orders have been delivered: ${JSON.stringify(delivered)}.`);
    }
    return [...(await sizes(sql))].map(([key, bytes]) => {
      const [name, part] = key.split(' ') as [string, Part];
      return { name, part, grown: bytes - (before.get(key) ?? 0) };
    });
  } finally {
    await shop.close();
    await sql.end();
  }
}

/** Bytes of each table and of its indexes. */
async function sizes(sql: Sql): Promise<Map<string, number>> {
  const rows = await sql<{ name: string; table: string; indexes: string }[]>`
    select relnamespace::regnamespace || '.' || relname as name, pg_table_size(oid) as table, pg_indexes_size(oid) as indexes
    from pg_class where relkind = 'r' and relnamespace in ('es'::regnamespace, 'read'::regnamespace, 'shop'::regnamespace)`;
  return new Map(
    rows.flatMap(({ name, table, indexes }) => [
      [`${name} table`, Number(table)],
      [`${name} indexes`, Number(indexes)],
    ]),
  );
}
