import { sql } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { StoredChain } from '../../../src/kernel/audit/stored-chain.ts';
import { TokenError } from '../../../src/kernel/consistency/token.ts';
import { beginRebuild } from '../../../src/kernel/read/rebuild/begin-rebuild.ts';
import { anAppend, receiptOf } from '../../support/kernel/appends.ts';
import {
  counterDomain,
  counters,
  countersTable,
  incrementCounter,
  openCounter,
  system,
} from '../../support/kernel/counter.ts';
import type { TestEngine } from '../../support/kernel/engine.ts';
import { everyEvent } from '../../support/kernel/log.ts';
import { expectedRows, rowsOf } from '../../support/kernel/rows.ts';
import { useTenants } from '../../support/kernel/tenants.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase();
const openTenants = useTenants(database, [counterDomain]);

const ID = '0198a0c0-0000-7000-8000-000000000001';
const COMMAND = '0198a0c0-0000-4000-8000-000000000002';

const open = async ({ bus }: TestEngine, label: string) =>
  receiptOf(await bus.execute(openCounter, { counterId: ID, label }, { ...system, commandId: COMMAND }));
const increment = async ({ bus }: TestEngine, by = 1) =>
  receiptOf(await bus.execute(incrementCounter, { counterId: ID, by }, system));
const projected = async (engine: TestEngine) => {
  const { position } = await engine.log.head();
  expect(await engine.projector.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
};
const expectWhole = async (engine: TestEngine) => {
  await projected(engine);
  const events = await everyEvent(engine.log);
  expect(await rowsOf(engine.database.reader.db, counters)).toEqual(expectedRows(counters, events));
};

describe('two tenants of one database', () => {
  it('use the same ids and command ids, and each has positions, versions and receipts of its own', async () => {
    const { engine } = await openTenants();
    const [acme, umbrella] = [await engine('acme'), await engine('umbrella')];
    const append = anAppend();
    const mine = await acme.log.append([append]);
    const theirs = await umbrella.log.append([append]);
    expect(mine).toMatchObject([{ outcome: 'accepted', position: 1, version: 1 }]);
    expect(theirs).toMatchObject([{ outcome: 'accepted', position: 1, version: 1 }]);
    for (let n = 0; n < 3; n++) await acme.log.append([anAppend()]);
    expect(await open(umbrella, 'theirs')).toMatchObject({ version: 1, position: 2, replayed: false });
    expect(await open(acme, 'mine')).toMatchObject({ version: 1, position: 5, replayed: false });
    expect(await open(acme, 'mine')).toMatchObject({ version: 1, position: 5, replayed: true });
    expect((await umbrella.log.head()).position).toBe(2);
  });

  it('have rows with the same keys, and each reads its own', async () => {
    const { engine } = await openTenants();
    const [acme, umbrella] = [await engine('acme'), await engine('umbrella')];
    await open(acme, 'mine');
    await open(umbrella, 'theirs');
    for (let n = 0; n < 5; n++) await increment(acme, 10);
    await increment(umbrella);
    await expectWhole(acme);
    await expectWhole(umbrella);
    const read = ({ database }: TestEngine) => database.reader.db.select().from(countersTable);
    expect(await read(acme)).toMatchObject([{ id: ID, label: 'mine', value: 50 }]);
    expect(await read(umbrella)).toMatchObject([{ id: ID, label: 'theirs', value: 1 }]);
  });

  it('cannot use each other’s tokens: they are of another history', async () => {
    const { engine } = await openTenants();
    const [acme, umbrella] = [await engine('acme'), await engine('umbrella')];
    const token = acme.tokens.encode(1);
    expect(acme.tokens.decode(token)).toBe(1);
    expect(() => umbrella.tokens.decode(token)).toThrow(TokenError);
    // Also on another server, and after a restart.
    const again = await (await openTenants()).engine('acme');
    expect(again.tokens.decode(token)).toBe(1);
  });

  it('are not told of each other’s changes', async () => {
    const [one, other] = [await openTenants(), await openTenants()];
    const [acme, umbrella] = [await one.engine('acme'), await one.engine('umbrella')];
    const [acmes, umbrellas] = [await other.engine('acme'), await other.engine('umbrella')];
    await open(acme, 'mine');
    await until(() => acmes.projector.head.position === 1);
    await projected(acmes);
    expect(umbrella.projector.head.position).toBe(0);
    expect(umbrellas.projector.head.position).toBe(0);
    await open(umbrellas, 'theirs');
    await until(() => umbrella.projector.head.position === 1);
    expect(acme.projector.head.position).toBe(1);
  });

  it('have chains of their own, whose contents name them', async () => {
    const { engine } = await openTenants();
    const [acme, umbrella] = [await engine('acme'), await engine('umbrella')];
    for (const each of [acme, umbrella]) {
      await open(each, 'the same');
      await increment(each);
    }
    const chainOf = async ({ database }: TestEngine) =>
      database.watch.db.execute<{ content: string; hash: string; follows: boolean }>(sql`
        select es.event_content(e) as content, encode(e.hash, 'hex') as hash,
               e.hash = es.chained(es.hash_at(e.position - 1), es.event_leaf(e)) as follows
        from es.events e order by position`);
    const [mine, theirs] = [await chainOf(acme), await chainOf(umbrella)];
    for (const [chain, tenant] of [[mine, 'acme'] as const, [theirs, 'umbrella'] as const]) {
      expect(chain.map(({ follows }) => follows)).toEqual([true, true]);
      for (const { content } of chain) expect(JSON.parse(content)).toMatchObject({ tenant });
    }
    const read: string[] = [];
    for await (const page of new StoredChain(acme.database.watch.db).pages(0, 1000, AbortSignal.timeout(10_000))) {
      for (const { content } of page) read.push(content.toString());
    }
    expect(read).toEqual(mine.map(({ content }) => content));
    expect(mine.map(({ hash }) => hash)).not.toEqual(theirs.map(({ hash }) => hash));
  });

  it('are rebuilt and verified one by one: the other’s rows stay', async () => {
    const { engine } = await openTenants();
    const [acme, umbrella] = [await engine('acme'), await engine('umbrella')];
    for (const each of [acme, umbrella]) {
      await open(each, each.database.tenant ?? '');
      for (let n = 0; n < 12; n++) await increment(each);
      await projected(each);
    }
    await database.sql`update read.counters_v1 set value = 999`;
    const projection = acme.registry.projections.get('counters') as typeof counters;
    const [before] = await acme.database.reader.db.execute(sql`select ${'read.counters_v1'}::regclass::oid as oid`);
    expect(await beginRebuild(acme.database.owner.db, projection)).toBe('begun');
    await until(async () => (await database.sql`select from read.checkpoints where kind = 'rebuild'`).length === 0);
    await expectWhole(acme);
    expect(await umbrella.database.reader.db.select().from(countersTable)).toMatchObject([{ value: 999 }]);
    const [after] = await acme.database.reader.db.execute(sql`select ${'read.counters_v1'}::regclass::oid as oid`);
    expect(after).toEqual(before);
    expect(await database.sql`select relname from pg_class where relname like 'counters%rebuild%'`).toEqual([]);
    await increment(acme);
    await expectWhole(acme);
    expect(await acme.projector.verify(projection)).toMatchObject({
      counts: { missing: 0, extra: 0, different: 0 },
    });
    expect(await umbrella.projector.verify(projection)).toMatchObject({
      counts: { missing: 0, extra: 0, different: 1 },
    });
    expect(acme.faults).toEqual([]);
  });
});
