import { describe, expect, it } from 'vitest';
import { createEngine } from '../../../../src/kernel/engine.ts';
import { counterDomain } from '../../../support/kernel/counter.ts';
import { useProxy } from '../../../support/postgres/proxy.ts';
import { until } from '../../../support/until.ts';
import { increment, open, stateOf, useCounterServers } from './counter-servers.ts';

const { database, openEngine, checkpoint, expectWhole } = useCounterServers();
const openProxy = useProxy(database);

describe('a projection that keeps up', () => {
  it('is at a receipt’s position soon after it, and says so only when its rows are', async () => {
    const engine = await openEngine({ start: true });
    const counterId = await open(engine);
    for (let n = 1; n <= 20; n++) {
      const position = await increment(engine, counterId);
      expect(await engine.projector.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
      const [row] = await database.sql`select value, version, last_position from read.counters_v1`;
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
      const value = (async () => (await database.sql`select last_position from read.counters_v1`)[0]?.last_position)();
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

  it('continues at its checkpoint after a restart', async () => {
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
    const [row] = await database.sql`select value from read.counters_v1`;
    expect(row?.value ?? 0).toBe(Math.max(0, events.length - 1));
  });
});
