import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { newInstanceId } from '../../../../src/kernel/checkpoints/instance-id.ts';
import { createEngine } from '../../../../src/kernel/engine.ts';
import type { ProjectionMoved } from '../../../../src/kernel/notify/hub.ts';
import { receiptOf } from '../../../support/appends.ts';
import {
  counterDomain,
  counters,
  countersTable,
  incrementCounter,
  openCounter,
  system,
} from '../../../support/counter.ts';
import { useDatabase } from '../../../support/database.ts';
import { type TestEngine, useEngine } from '../../../support/engine.ts';
import { useProxy } from '../../../support/proxy.ts';
import { expectedRows, rowsOf } from '../../../support/rows.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ tables: [countersTable] });
const openProxy = useProxy(database);
const openEngine = useEngine(database, [counterDomain]);

const open = async ({ bus }: Pick<TestEngine, 'bus'>) =>
  receiptOf(await bus.execute(openCounter, { label: 'a' }, system)).aggregateId;
const increment = async ({ bus }: Pick<TestEngine, 'bus'>, counterId: string) =>
  receiptOf(await bus.execute(incrementCounter, { counterId }, system)).position;
const checkpoint = async () => (await database.sql`select * from read.checkpoints where projection = 'counters'`)[0];
const stateOf = ({ projector }: Pick<TestEngine, 'projector'>) => projector.status()[0]?.state;

/** The rows are those of a fold from scratch, to the end of the log. */
async function expectWhole(engine: TestEngine) {
  const { position } = await engine.log.head();
  await until(() => engine.projector.positions.of('counters') === position);
  const events = await engine.log.read(0, 100_000);
  expect(await rowsOf(engine.database.projector.db, counters)).toEqual(expectedRows(counters, events));
  expect((await checkpoint())?.position).toBe(position);
}

describe('a projection that keeps up', () => {
  it('is at a receipt’s position soon after it, and says so only when its rows are', async () => {
    const engine = await openEngine({ start: true });
    const counterId = await open(engine);
    for (let n = 1; n <= 20; n++) {
      const position = await increment(engine, counterId);
      expect(await engine.projector.positions.reached('counters', position, { timeoutMs: 5000 })).toBe(true);
      const [row] = await database.sql`select value, version, last_position from read.counters`;
      expect(row).toEqual({ value: n, version: n + 1, last_position: position });
    }
    expect(engine.projector.status()).toMatchObject([
      { name: 'counters', state: 'RUNNING', position: 21, head: 21, lag: 0, lagMs: 0, failure: null },
    ]);
    expect(engine.faults).toEqual([]);
  });

  it('is fed by several commands at once, in batches of any size', async () => {
    const engine = await openEngine({ start: true, projectionBatchLimit: 7, appendBatchLimit: 5 });
    const ids = await Promise.all(Array.from({ length: 10 }, () => open(engine)));
    await Promise.all(ids.flatMap((id) => Array.from({ length: 20 }, () => increment(engine, id))));
    await expectWhole(engine);
  });

  it('tells its listeners of the rows that changed, after the commit', async () => {
    const engine = await openEngine({ start: true });
    const told: { position: number; keys: string[] | null; value: Promise<unknown> }[] = [];
    engine.projector.hub.listen(['counters'], ({ position, keys }) => {
      const value = (async () => (await database.sql`select last_position from read.counters`)[0]?.last_position)();
      told.push({ position, keys: keys && [...keys], value });
    });
    const counterId = await open(engine);
    await until(() => told.length === 1);
    expect(told[0]).toMatchObject({ position: 1, keys: [counterId] });
    expect(await told[0]?.value).toBe(1);
  });
});

describe('a projection that comes later', () => {
  it('replays the log from the beginning', async () => {
    const before = await openEngine();
    const counterId = await open(before);
    for (let n = 0; n < 30; n++) await increment(before, counterId);
    await expectWhole(await openEngine({ start: true, projectionBatchLimit: 4 }));
  });

  it('goes on where it was after a restart', async () => {
    const before = await openEngine({ start: true });
    const counterId = await open(before);
    await increment(before, counterId);
    await expectWhole(before);
    await before.close();
    const between = await openEngine();
    await increment(between, counterId);
    const after = await openEngine({ start: true });
    await expectWhole(after);
    await increment(after, counterId);
    await expectWhole(after);
  });

  it('of a higher version is made again, and code of the former version leaves it alone', async () => {
    const former = await openEngine({ start: true });
    const counterId = await open(former);
    await increment(former, counterId);
    await expectWhole(former);
    await database.sql`update read.counters set value = 999`;
    const raised = { ...counters, version: 2 };
    const newer = await openEngine({ start: true, domains: [{ ...counterDomain, projections: [raised] }] });
    await until(async () => (await checkpoint())?.version === 2);
    await expectWhole(newer);
    expect(await checkpoint()).toMatchObject({ version: 2, failure: null });
    await newer.close();
    // Nobody is left who may move it.
    const position = await increment(former, counterId);
    expect(await former.projector.positions.reached('counters', position, { timeoutMs: 1500 })).toBe(false);
    expect(await checkpoint()).toMatchObject({ position: 2, owner: null });
    expect(stateOf(former)).toBe('STOPPED');
  });
});

describe('events that another server appends', () => {
  it('are seen by way of its notification', async () => {
    const here = await openEngine({ start: true });
    const elsewhere = await openEngine();
    const counterId = await open(elsewhere);
    for (let n = 0; n < 5; n++) await increment(elsewhere, counterId);
    await expectWhole(here);
  });

  it('are seen without any notification', async () => {
    const { database: opened } = await openEngine();
    const faults: unknown[] = [];
    const deaf = createEngine({
      database: { ...opened, wakeUp: { url: 'postgres://127.0.0.1:1/nowhere', login: undefined } },
      domains: [counterDomain],
      subscribers: [{ faultMet: ({ error }) => faults.push(error) }],
    });
    await deaf.start();
    const position = await open(await openEngine()).then(async () => (await deaf.log.head()).position);
    expect(await deaf.projector.positions.reached('counters', position, { timeoutMs: 5000 })).toBe(true);
    await deaf.stop();
    expect(faults).not.toHaveLength(0);
  });

  it('and applies are followed by who does not own the projection', async () => {
    const owner = await openEngine({ start: true });
    const follower = await openEngine({ start: true });
    const counterId = await open(follower);
    const position = await increment(follower, counterId);
    expect(await follower.projector.positions.reached('counters', position, { timeoutMs: 5000 })).toBe(true);
    const [row] = await database.sql`select value from read.counters`;
    expect(row?.value).toBe(1);
    expect([stateOf(owner), stateOf(follower)]).toEqual(['RUNNING', 'RUNNING']);
  });
});

describe('a projection that another server begins again', () => {
  it('is not believed to be where it was', async () => {
    const former = await openEngine({ start: true });
    const counterId = await open(former);
    await increment(former, counterId);
    await expectWhole(former);
    expect(former.projector.positions.of('counters')).toBe(2);
    // As a newer server does when it starts, and then its fold fails at the first event.
    await database.sql`update read.checkpoints
      set position = 0, version = 2, owner = gen_random_uuid(), owner_process = 'elsewhere:1', lease_until = now() + interval '1 minute'`;
    await until(() => former.projector.positions.of('counters') === 0);
    expect(await former.projector.positions.reached('counters', 2, { timeoutMs: 50 })).toBe(false);
  });
});

describe('ownership', () => {
  it('that is taken up tells listeners that any row may have changed', async () => {
    const before = await openEngine({ start: true });
    const after = await openEngine();
    const counterId = await open(before);
    const moves: ProjectionMoved[] = [];
    after.projector.hub.listen(['counters'], (moved) => moves.push(moved));
    await increment(before, counterId);
    await expectWhole(before);
    await before.close();
    await after.start();
    await until(() => moves.length > 0);
    expect(moves[0]).toMatchObject({ position: 2, keys: null });
  });

  it('goes to another server when the owner stops', async () => {
    const first = await openEngine({ start: true });
    const second = await openEngine({ start: true });
    const counterId = await open(first);
    await first.close();
    await increment(second, counterId);
    await expectWhole(second);
  });

  it('goes to another server when the owner has said nothing for the length of its lease', async () => {
    const before = await openEngine({ start: true });
    await expectWhole(before);
    await before.close();
    await database.sql`update read.checkpoints
      set owner = gen_random_uuid(), owner_process = 'elsewhere:1', lease_until = now() + interval '1 second'`;
    const engine = await openEngine({ start: true });
    await open(engine);
    expect(engine.projector.positions.of('counters')).toBe(0);
    await expectWhole(engine);
  });

  it('goes to a neighbour within a second if the owner’s process was killed', async () => {
    const before = await openEngine({ start: true });
    const counterId = await open(before);
    await expectWhole(before);
    const ended = spawnSync(process.execPath, ['-e', '']).pid;
    await before.close();
    // While it lives nobody takes anything from it.
    await database.sql`update read.checkpoints set owner = ${newInstanceId()},
      owner_process = ${`${hostname()}:${process.ppid}`}, lease_until = now() + interval '1 hour'`;
    const neighbour = await openEngine({ start: true });
    await increment(neighbour, counterId);
    expect(stateOf(neighbour)).toBe('RUNNING');
    expect(neighbour.projector.positions.of('counters')).toBe(1);
    await database.sql`update read.checkpoints set owner_process = ${`${hostname()}:${ended}`}`;
    await expectWhole(neighbour);
  });

  it('that was lost is noticed before anything is written, and taken up again', async () => {
    const engine = await openEngine({ start: true });
    const counterId = await open(engine);
    await expectWhole(engine);
    const thief = randomUUID();
    await database.sql`update read.checkpoints set owner = ${thief}, lease_until = now() + interval '1 second'`;
    await increment(engine, counterId);
    // The thief does its work, as another server would.
    await database.sql`update read.counters set value = value + 1, version = 2, last_position = 2`;
    await database.sql`update read.checkpoints set position = 2 where owner = ${thief}`;
    for (let n = 0; n < 10; n++) await increment(engine, counterId);
    await expectWhole(engine);
    expect((await checkpoint())?.owner).not.toBe(thief);
    expect(stateOf(engine)).toBe('RUNNING');
  });

  it('in dispute lets each event be applied once', async () => {
    const engines = await Promise.all([openEngine({ start: true }), openEngine({ start: true })]);
    const counterId = await open(engines[0]);
    for (let round = 0; round < 10; round++) {
      // Takes the projection away in the middle of the work.
      await database.sql`update read.checkpoints set owner = null, lease_until = null`;
      await Promise.all(engines.flatMap((engine) => [1, 2, 3].map(() => increment(engine, counterId))));
    }
    await Promise.all(engines.map(expectWhole));
  });
});

describe('a database that fails', () => {
  it('in the middle of the work leaves each event applied once', async () => {
    const engine = await openEngine({ start: true, projectionBatchLimit: 5 });
    const counterId = await open(engine);
    for (let round = 0; round < 15; round++) {
      await Promise.all([1, 2, 3, 4].map(() => increment(engine, counterId)));
      await database.sql`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'afterwrite projector' and datname = current_database()`;
    }
    await expectWhole(engine);
    await until(() => stateOf(engine) === 'RUNNING');
  });

  it('for a while is waited for', async () => {
    const proxy = await openProxy();
    const engine = await openEngine({ start: true, url: proxy.url });
    await open(engine);
    await expectWhole(engine);
    proxy.refuse(true);
    proxy.cut();
    await open(await openEngine());
    await until(() => engine.faults.length > 0);
    proxy.refuse(false);
    await expectWhole(engine);
  });

  it('at the start is an error, and leaves nothing behind', async () => {
    const { database: opened } = await openEngine();
    const engine = createEngine({ database: opened, domains: [counterDomain] });
    await database.sql`alter table read.checkpoints rename to gone`;
    await expect(engine.start()).rejects.toThrow();
    await engine.stop();
    await database.sql`alter table read.gone rename to checkpoints`;
    const again = await openEngine({ start: true });
    await expectWhole(again);
  });
});

describe('stopping', () => {
  it('gives the projections up, also in the middle of starting', async () => {
    const engine = await openEngine();
    const starting = engine.start();
    await engine.stop();
    await starting;
    await engine.close();
    await until(async () => (await checkpoint())?.owner === null);
    const connections = await until(async () => {
      const rows =
        await database.sql`select 1 from pg_stat_activity where datname = current_database() and application_name like 'afterwrite%'`;
      return rows.length === 0 && 'none';
    });
    expect(connections).toBe('none');
  });

  it('ends after the batch under way', async () => {
    const engine = await openEngine({ start: true });
    const counterId = await open(engine);
    await Promise.all(Array.from({ length: 50 }, () => increment(engine, counterId)));
    await engine.close();
    const { position } = (await checkpoint()) ?? {};
    const events = await (await openEngine()).log.read(0, position);
    const [row] = await database.sql`select value from read.counters`;
    expect(row?.value ?? 0).toBe(Math.max(0, events.length - 1));
  });
});
