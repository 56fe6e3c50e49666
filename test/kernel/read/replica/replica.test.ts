import { describe, expect, it } from 'vitest';
import type { ProjectionMoved } from '../../../../src/kernel/notify/hub.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import {
  counterDomain,
  countersTable,
  incrementCounter,
  openCounter,
  system,
} from '../../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { useProxy } from '../../../support/postgres/proxy.ts';
import { until } from '../../../support/until.ts';

/** The primary stands for its replica: by another way, which a test holds in its hands. */
const database = useDatabase({ tables: [countersTable], per: 'emptied' });
const openProxy = useProxy(database);
const openEngine = useEngine(database, [counterDomain]);

type Bus = Pick<TestEngine, 'bus'>;
const open = async ({ bus }: Bus) => receiptOf(await bus.execute(openCounter, { label: 'a' }, system)).aggregateId;
const increment = async ({ bus }: Bus, counterId: string) =>
  receiptOf(await bus.execute(incrementCounter, { counterId }, system)).position;
const shown = ({ readSide }: Pick<TestEngine, 'readSide'>) => readSide.positions.of('counters');
const movesOf = ({ readSide }: Pick<TestEngine, 'readSide'>) => {
  const moves: ProjectionMoved[] = [];
  readSide.hub.listen(['counters'], (moved) => moves.push(moved));
  return moves;
};
const replicaFaults = ({ faults }: TestEngine) => faults.filter(({ context }) => context.part === 'replica');

describe('an engine whose queries read from the database itself', () => {
  it('has the read side that the projector has', async () => {
    const { readSide, projector } = await openEngine();
    expect(readSide.positions).toBe(projector.positions);
    expect(readSide.hub).toBe(projector.hub);
    expect(readSide.isReplica).toBe(false);
  });
});

describe('an engine whose queries read from another server', () => {
  it('is as far as that server shows it, and tells of the rows that changed', async () => {
    const engine = await openEngine({ start: true, readUrl: database.url });
    const moves = movesOf(engine);
    const counterId = await open(engine);
    for (let n = 1; n <= 20; n++) {
      const position = await increment(engine, counterId);
      expect(await engine.readSide.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
      const [row] = await database.sql`select value from read.counters_v1`;
      expect(row).toEqual({ value: n });
    }
    expect(moves.at(-1)).toMatchObject({ position: 21, keys: new Set([counterId]) });
    for (const { keys } of moves) expect(keys).toEqual(new Set([counterId]));
    expect(engine.faults).toEqual([]);
  });

  it('tells of nothing that server does not show, and of all of it when it does', async () => {
    const proxy = await openProxy();
    const engine = await openEngine({ start: true, readUrl: proxy.url });
    const ids = [await open(engine), await open(engine)];
    await until(() => shown(engine) === 2);
    const moves = movesOf(engine);
    proxy.holdAnswers();
    for (const id of ids) await increment(engine, id);
    await until(() => engine.projector.positions.of('counters') === 4);
    expect(await engine.readSide.positions.reached('counters', 4, { timeoutMs: 100 })).toBe(false);
    expect(moves).toEqual([]);
    proxy.passAnswers();
    expect(await engine.readSide.positions.reached('counters', 4, { timeoutMs: 30_000 })).toBe(true);
    const keys = new Set(moves.flatMap((moved) => [...(moved.keys ?? [])]));
    expect(keys).toEqual(new Set(ids));
    expect(moves.at(-1)?.position).toBe(4);
  });

  it('distrusts everything that it knew after a lost connection until the server reports its position', async () => {
    const proxy = await openProxy();
    const engine = await openEngine({ start: true, readUrl: proxy.url });
    const counterId = await open(engine);
    await until(() => shown(engine) === 1);
    proxy.refuse(true);
    proxy.cut();
    await until(() => shown(engine) === 0);
    const position = await increment(engine, counterId);
    expect(await engine.projector.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
    expect(await engine.readSide.positions.reached('counters', 1, { timeoutMs: 100 })).toBe(false);
    proxy.refuse(false);
    expect(await engine.readSide.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
  });

  it('ends at once while that server is away', async () => {
    const proxy = await openProxy();
    const engine = await openEngine({ start: true, readUrl: proxy.url });
    await proxy.close();
    await until(() => replicaFaults(engine).length > 2);
    const began = performance.now();
    await engine.close();
    expect(performance.now() - began).toBeLessThan(4000);
    const { length } = engine.faults;
    await until(() => performance.now() - began > 500);
    expect(engine.faults).toHaveLength(length);
  });

  it('complains of a server that does not answer', async () => {
    const proxy = await openProxy();
    const engine = await openEngine({ start: true, readUrl: proxy.url });
    proxy.holdAnswers();
    await until(() => replicaFaults(engine).length > 0);
    expect(String(replicaFaults(engine)[0]?.error)).toContain('The read replica has not answered for 5 s.');
  });

  it('announces what other instances project, but not which rows', async () => {
    const owner = await openEngine({ start: true });
    const other = await openEngine({ start: true, readUrl: database.url });
    const moves = movesOf(other);
    const counterId = await open(owner);
    const position = await increment(owner, counterId);
    expect(await other.readSide.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
    await until(() => moves.at(-1)?.position === position);
  });

  it('tells that any row may have changed if somebody changes the table from outside', async () => {
    const engine = await openEngine({ start: true, readUrl: database.url });
    await open(engine);
    await until(() => shown(engine) === 1);
    const moves = movesOf(engine);
    await database.sql`update read.checkpoints set generation = generation + 1 where projection = 'counters@1'`;
    await until(() => moves.some(({ position, keys }) => position === 1 && keys === null));
  });

  it('goes back if the projection begins again there', async () => {
    const engine = await openEngine({ start: true, readUrl: database.url });
    await open(engine);
    await until(() => shown(engine) === 1);
    await engine.projector.stop();
    await database.sql`update read.checkpoints set position = 0, generation = generation + 1`;
    await until(() => shown(engine) === 0);
    const moves = movesOf(engine);
    await database.sql`update read.checkpoints set position = 1`;
    expect(await engine.readSide.positions.reached('counters', 1, { timeoutMs: 30_000 })).toBe(true);
    expect(moves).toMatchObject([{ position: 1, keys: null }]);
  });

  it('takes nothing from a server that has come to hold another history', async () => {
    const engine = await openEngine({ start: true, readUrl: database.url });
    await open(engine);
    await until(() => shown(engine) === 1);
    await database.sql`update es.store set epoch = gen_random_uuid()`;
    await until(() =>
      replicaFaults(engine).some(({ error }) => (error as { code?: string }).code === 'REPLICA_FOREIGN'),
    );
    expect(shown(engine)).toBe(0);
  });

  it('looks seldom while nothing happens', async () => {
    const engine = await openEngine({ start: true, readUrl: database.url });
    await open(engine);
    await until(() => shown(engine) === 1);
    const looks = async () => {
      const [row] = await database.sql`
        select query_start from pg_stat_activity where application_name = 'afterwrite replica' and datname = current_database()`;
      return String(row?.query_start?.getTime());
    };
    const seen = new Set<string>();
    const end = Date.now() + 1500;
    await until(async () => {
      seen.add(await looks());
      return Date.now() > end;
    });
    expect(seen.size).toBeLessThan(5);
  });
});
