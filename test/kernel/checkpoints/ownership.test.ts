import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { ProjectionMoved } from '../../../src/kernel/notify/hub.ts';
import type { LeasesChanged } from '../../../src/kernel/observe/occurrences.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { incrementCounter, openCounter, system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { fleetDomain, sums, sumTables } from '../../support/kernel/fleet.ts';
import { expectedRows, rowsOf } from '../../support/kernel/rows.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { openPooler } from '../../support/postgres/pooler.ts';
import { useProxy } from '../../support/postgres/proxy.ts';
import { until, within } from '../../support/until.ts';

const database = useDatabase({ tables: sumTables, per: 'emptied' });
const proxy = useProxy(database);
const openEngine = useEngine(database, [fleetDomain]);

const open = async ({ bus }: TestEngine) => receiptOf(await bus.execute(openCounter, { label: 'a' }, system));
const increment = async ({ bus }: TestEngine, counterId: string) =>
  receiptOf(await bus.execute(incrementCounter, { counterId }, system));

/** How many projections each owner has, most first; `null` counts as an owner. */
async function shares(): Promise<number[]> {
  const rows = await database.sql<{ has: number }[]>`
    select count(*)::int as has from read.checkpoints group by owner order by has desc`;
  return rows.map(({ has }) => has);
}
const owners = () => database.sql`select projection, owner from read.checkpoints order by projection`;
const runningOn = ({ projector }: TestEngine) => projector.status().filter(({ isOurs }) => isOurs).length;
const instances = async () =>
  (await database.sql`select process from read.instances where moves <> '{}'`).map((row) => row.process);
const shared = (...expected: number[]) => until(async () => String(await shares()) === String(expected));

/** Simulates an instance on another machine that owns some projections and sends no notifications. */
async function elsewhere(projections: readonly string[], version = 1): Promise<string> {
  const { sql } = database;
  const id = randomUUID();
  const moves = sums.map(({ name }) => `${name}@${version}`);
  await sql`insert into read.instances (id, process, moves, alive_until)
            values (${id}, 'elsewhere:1', ${moves}, now() + interval '3 seconds')`;
  await sql`update read.checkpoints set owner = ${id}, owner_process = 'elsewhere:1', lease_until = now() + interval '3 seconds'
            where consumer = any(${[...projections]})`;
  return id;
}

/** Lets what instances renew last an hour longer. On a busy machine they may be late, and others take what they had. */
async function outlastLoad(): Promise<void> {
  for (const [table, column] of [
    ['instances', 'alive_until'],
    ['checkpoints', 'lease_until'],
  ]) {
    await database.sql.unsafe(`
      create function read.longer_${column}() returns trigger language plpgsql as $$
        begin new.${column} := new.${column} + interval '1 hour'; return new; end $$;
      create trigger longer before insert or update of ${column} on read.${table}
        for each row execute function read.longer_${column}();`);
  }
}

/** Waits until all leases have been renewed. */
async function renewed(): Promise<void> {
  const [row] = await database.sql`select max(lease_until) + interval '2 seconds' as later from read.checkpoints`;
  await until(async () => {
    const [lease] = await database.sql`select min(lease_until) > ${row?.later} as is from read.checkpoints`;
    return lease?.is;
  });
}

/** All rows of all projections are those of a fold from scratch, to the end of the log. */
async function expectWhole(engine: TestEngine) {
  const { position } = await engine.log.head();
  const { positions } = engine.projector;
  await Promise.all(positions.names.map((name) => positions.reached(name, position)));
  const events = await engine.log.read(0, 100_000);
  for (const projection of sums) {
    expect(await rowsOf(engine.database.projector.db, projection)).toEqual(expectedRows(projection, events));
  }
}

describe('projections of several instances', () => {
  it('spread evenly as instances start one after the other, and then stay with their owners', async () => {
    await outlastLoad();
    const first = await openEngine({ start: true });
    expect(await shares()).toEqual([5]);
    const second = await openEngine({ start: true });
    await shared(3, 2);
    await openEngine({ start: true });
    await shared(2, 2, 1);
    await Promise.all([first, second].map(async (engine) => increment(engine, (await open(engine)).aggregateId)));
    const before = await owners();
    await renewed();
    expect(await owners()).toEqual(before);
    await expectWhole(first);
  });

  it('are not all taken by the first instance if several start together', async () => {
    await openEngine({ start: true }).then((engine) => engine.close());
    const both = await Promise.all([openEngine({ start: true }), openEngine({ start: true })]);
    await shared(3, 2);
    expect(both.map(runningOn).reduce((a, b) => a + b)).toBe(5);
  });

  it('go to those who stay when one stops', async () => {
    const stays = await openEngine({ start: true });
    const goes = await openEngine({ start: true });
    await shared(3, 2);
    await goes.close();
    await until(() => runningOn(stays) === 5);
    expect(await instances()).toEqual([`${hostname()}:${process.pid}`]);
  });

  it('of an instance on another machine that says nothing more go to the others in less than 5 seconds', async () => {
    const here = [await openEngine({ start: true }), await openEngine({ start: true })];
    await shared(3, 2);
    const { aggregateId } = await open(here[0] as TestEngine);
    await elsewhere(['sums_1', 'sums_2', 'sums_3', 'sums_4']);
    await increment(here[0] as TestEngine, aggregateId);
    const hasAny = () => database.sql`select 1 from read.checkpoints where owner_process = 'elsewhere:1'`;
    await within(5000, async () => (await hasAny()).length === 0);
    expect(await shares()).toEqual([3, 2]);
    expect(await instances()).not.toContain('elsewhere:1');
    await expectWhole(here[1] as TestEngine);
  });

  it('are reported by the instance that takes them and by the one that gives them up', async () => {
    const told = [new Set<string>(), new Set<string>()] as const;
    const leasesChanged = (has: Set<string>) => (change: LeasesChanged) => {
      for (const name of change.taken) has.add(name);
      for (const name of change.left) has.delete(name);
    };
    const first = await openEngine({ start: true, subscribers: [{ leasesChanged: leasesChanged(told[0]) }] });
    expect(told[0].size).toBe(5);
    await openEngine({ start: true, subscribers: [{ leasesChanged: leasesChanged(told[1]) }] });
    await until(() => told[0].size === 3 && told[1].size === 2);
    expect([...told[0]].sort()).toEqual(first.projector.status().flatMap(({ name, isOurs }) => (isOurs ? [name] : [])));
  });

  it('of an instance whose connections went silent are moved by others, and it learns so from new ones', async () => {
    const between = await proxy();
    const cutOff = await openEngine({ start: true, url: between.url });
    const other = await openEngine({ start: true });
    await shared(3, 2);
    between.silence();
    await until(() => runningOn(other) === 5, { everyMs: 1 });
    const { position } = await open(other);
    // Soon after that it takes its share again.
    await until(() => runningOn(cutOff) === 0, { everyMs: 1 });
    await Promise.all(sums.map(({ name }) => cutOff.projector.positions.reached(name, position)));
    between.cut();
  });

  it('are left to an instance in another container that has the same name and no such process here', async () => {
    const engine = await openEngine({ start: true });
    const id = await elsewhere(['sums_1', 'sums_2', 'sums_3']);
    // Each container counts its processes from 1.
    await database.sql`update read.checkpoints set owner_process = ${`${hostname()}:${process.pid}`},
      lease_until = now() + interval '1 hour' where owner = ${id}`;
    await openEngine({ start: true });
    engine.projector.renewSoon();
    const [renewed] = await database.sql`select now() as later`;
    await until(async () => {
      const [row] =
        await database.sql`select max(lease_until) > ${renewed?.later}::timestamptz + interval '3 seconds' as is
                                       from read.checkpoints where owner <> ${id}`;
      return row?.is;
    });
    expect(await database.sql`select 1 from read.checkpoints where owner = ${id}`).toHaveLength(3);
  });

  it('are not kept for an instance that could not move them, nor given to it', async () => {
    await outlastLoad();
    const before = await openEngine({ start: true });
    await before.close();
    await elsewhere([], 7);
    const engine = await openEngine({ start: true });
    expect(runningOn(engine)).toBe(5);
    await database.sql`update read.instances set alive_until = now() + interval '1 hour' where process = 'elsewhere:1'`;
    const before2 = await owners();
    await renewed();
    expect(await owners()).toEqual(before2);
  });

  it.each([
    ['its table', 'lock table read.sums_3_v1 in share mode', 5],
    ['its checkpoint', `select 1 from read.checkpoints where projection = 'sums_3@1' for update`, 4],
  ])('are kept by their owner, and move, while the batch of one waits for %s', async (_, lock, renewable) => {
    const engine = await openEngine({ start: true });
    const { aggregateId } = await open(engine);
    await expectWhole(engine);
    const blocker = await database.sql.reserve();
    try {
      await blocker`begin`;
      await blocker.unsafe(lock);
      await increment(engine, aggregateId);
      const [row] = await database.sql`select max(lease_until) + interval '4 seconds' as later from read.checkpoints`;
      await until(async () => {
        const renewed = await database.sql`select 1 from read.checkpoints where lease_until > ${row?.later}`;
        return renewed.length === renewable;
      });
      const others = engine.projector.positions.names.filter((name) => name !== 'sums_3');
      for (let n = 0; n < 5; n++) {
        const { position } = await increment(engine, aggregateId);
        await until(() => others.every((name) => engine.projector.positions.of(name) === position));
      }
      expect(runningOn(engine)).toBe(5);
    } finally {
      await blocker`rollback`;
      blocker.release();
    }
    await expectWhole(engine);
  });
});

describe('an instance that is a spare', () => {
  it('moves everything while it is alone, and nothing from when another comes', async () => {
    const spare = await openEngine({ start: true, projector: 'standby' });
    expect(runningOn(spare)).toBe(5);
    expect(await instances()).toEqual([]);
    const { aggregateId } = await open(spare);
    const server = await openEngine({ start: true });
    await until(() => runningOn(server) === 5);
    expect(runningOn(spare)).toBe(0);
    await increment(spare, aggregateId);
    await expectWhole(spare);
    await server.close();
    await until(() => runningOn(spare) === 5);
  });

  it('takes nothing from another', async () => {
    const server = await openEngine({ start: true });
    const spare = await openEngine({ start: true, projector: 'standby' });
    const { aggregateId } = await open(spare);
    for (let n = 0; n < 5; n++) await increment(spare, aggregateId);
    await expectWhole(spare);
    expect([runningOn(server), runningOn(spare)]).toEqual([5, 0]);
  });
});

describe('an instance that projects nothing', () => {
  it('reports that no instance runs it, and follows the one that runs it later', async () => {
    const serving = await openEngine({ start: true, projector: 'off' });
    const { aggregateId, position } = await open(serving);
    expect(await database.sql`select 1 from read.checkpoints`).toEqual([]);
    const none = { state: 'STOPPED', position: 0, head: 1, owner: null, isOurs: false };
    expect(serving.projector.status()).toMatchObject(sums.map(({ name }) => ({ name, ...none })));
    expect(await serving.projector.positions.reached('sums_1', position, { timeoutMs: 100 })).toBe(false);

    const worker = await openEngine({ start: true });
    expect(await serving.projector.positions.reached('sums_1', position, { timeoutMs: 30_000 })).toBe(true);
    await increment(serving, aggregateId);
    await expectWhole(serving);
    expect(runningOn(serving)).toBe(0);
    expect(await instances()).toHaveLength(1);
    const owner = `${hostname()}:${process.pid}`;
    await until(() => serving.projector.status().every((status) => status.owner === owner));
    expect(serving.projector.status()).toMatchObject(sums.map(() => ({ state: 'RUNNING', isOurs: false })));
    await worker.close();
    await until(() => serving.projector.status().every(({ state }) => state === 'STOPPED'));
  });
});

describe('what another instance applies', () => {
  it('is known with the rows that it changed, as soon as its notification arrives', async () => {
    const serving = await openEngine({ start: true, projector: 'off' });
    const worker = await openEngine({ start: true });
    const { aggregateId } = await open(worker);
    await expectWhole(serving);
    const moves: ProjectionMoved[] = [];
    serving.projector.hub.listen(['sums_2'], (moved) => moves.push(moved));
    for (let n = 0; n < 20; n++) {
      const { position } = await increment(serving, aggregateId);
      await serving.projector.positions.reached('sums_2', position);
    }
    // On a busy machine some are seen at the look of each second first, which knows no keys.
    expect(moves.some(({ keys }) => keys?.has(aggregateId))).toBe(true);
    await worker.close();
  });

  it.each(['swallows', 'refuses'] as const)('is known without notifications too (%s LISTEN)', async (deafness) => {
    const url = await openPooler(database.url, deafness);
    const [one, other] = [await openEngine({ start: true, url }), await openEngine({ start: true, url })];
    await shared(3, 2);
    const { aggregateId } = await open(one);
    for (let n = 0; n < 5; n++) await increment(n % 2 ? one : other, aggregateId);
    await expectWhole(one);
    await expectWhole(other);
    await one.close();
    await increment(other, aggregateId);
    await expectWhole(other);
    const codes = [one, other].map(({ faults }) => faults.map(({ error }) => (error as { code?: string }).code));
    await until(() => codes.flat().length > 0 || one.faults.length + other.faults.length > 0);
    for (const { faults } of [one, other]) {
      expect(faults.filter(({ context }) => context.part === 'wake-up').length).toBeLessThanOrEqual(1);
      for (const { error } of faults) expect((error as { code?: string }).code).toBe('NOT_LISTENING');
    }
  });
});
