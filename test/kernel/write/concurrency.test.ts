import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { toResult } from '../../../src/graphql/commands/result-types.ts';
import { defineCommand } from '../../../src/kernel/define/command.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import {
  addCounter,
  Counter,
  CounterIncremented,
  closeCounter,
  counterDomain,
  incrementCounter,
  openCounter,
  system,
} from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { LOCK_LOG, WAITING_FOR_LOG } from '../../support/kernel/log-lock.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { useProxy } from '../../support/postgres/proxy.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const openProxy = useProxy(database);
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }]);

const stored = async () => (await database.sql`select count(*)::int as n from es.events`)[0]?.n;
const versionsOf = async (counterId: string) =>
  (await database.sql`select version from es.events where stream_id = ${counterId} order by version`).map(
    (row) => row.version,
  );
const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1);
const open = async ({ bus }: Pick<TestEngine, 'bus'>) =>
  receiptOf(await bus.execute(openCounter, { label: 'a' }, system)).aggregateId;

describe('many commands for one stream', () => {
  it('at one server are decided one after the other and go together', async () => {
    const engine = await openEngine();
    const counterId = await open(engine);
    const outcomes = await Promise.all(upTo(50).map(() => engine.bus.execute(incrementCounter, { counterId }, system)));
    expect(outcomes.map((outcome) => receiptOf(outcome).version)).toEqual(upTo(50).map((n) => n + 1));
    const [row] = await database.sql`select count(distinct xmin::text)::int as transactions from es.events`;
    expect(row?.transactions).toBeLessThan(5);
  });

  it('at two servers are decided again until each is accepted, and none is lost', async () => {
    const servers = await Promise.all([openEngine(), openEngine()]);
    const counterId = await open(servers[0]);
    const receipts = await Promise.all(
      servers.flatMap(({ bus }) =>
        upTo(8).map(async () => {
          const own = [];
          for (let n = 0; n < 10; n++) own.push(receiptOf(await bus.execute(incrementCounter, { counterId }, system)));
          return own;
        }),
      ),
    );
    const versions = receipts.flat().map(({ version }) => version);
    expect(versions.sort((a, b) => a - b)).toEqual(upTo(160).map((n) => n + 1));
    expect(await versionsOf(counterId)).toEqual(upTo(161));
    const checked = receiptOf(await servers[1].bus.execute(addCounter, { counterId, otherId: counterId }, system));
    const [last] = await database.sql`select data from es.events where version = ${checked.version}`;
    expect(last?.data).toEqual({ by: 160 });
  });

  it('that create it are one, and the others find it there', async () => {
    const servers = await Promise.all([openEngine(), openEngine()]);
    const counterId = randomUUID();
    const outcomes = await Promise.all(
      upTo(10).map((n) => servers[n % 2]!.bus.execute(openCounter, { counterId, label: `${n}` }, system)),
    );
    expect(outcomes.filter(({ kind }) => kind === 'accepted')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome.kind === 'rejected' && outcome.code === 'ALREADY_OPENED')).toHaveLength(
      9,
    );
    expect(await stored()).toBe(1);
  });

  it('do not build on the first one if it is refused', async () => {
    const [here, elsewhere] = await Promise.all([openEngine(), openEngine()]);
    const counterId = await open(here);
    await elsewhere.bus.execute(closeCounter, { counterId }, system);
    const outcomes = await Promise.all(upTo(5).map(() => here.bus.execute(incrementCounter, { counterId }, system)));
    expect(outcomes).toEqual(upTo(5).map(() => ({ kind: 'rejected', code: 'CLOSED', message: 'It is closed.' })));
    expect(await versionsOf(counterId)).toEqual([1, 2]);
  });
});

describe('a command that was decided on an append under way', () => {
  it('is decided again if that is refused, although the stream has come to the version it expects', async () => {
    const [here, elsewhere] = await Promise.all([openEngine(), openEngine()]);
    const counterId = await open(here);
    receiptOf(await elsewhere.bus.execute(closeCounter, { counterId }, system));
    const lock = await database.sql.reserve();
    await lock`begin`;
    await lock.unsafe(LOCK_LOG);
    const first = here.bus.execute(incrementCounter, { counterId }, system);
    await until(async () => (await database.sql.unsafe(WAITING_FOR_LOG)).length > 0);
    // By now the stream is closed, at the version to which the first would have brought it.
    const second = here.bus.execute(incrementCounter, { counterId }, system);
    // It is decided, and waits behind the first.
    await until(() => here.queue.depth === 1);
    await lock`commit`;
    lock.release();
    const rejected = { kind: 'rejected', code: 'CLOSED' };
    expect(await Promise.all([first, second])).toMatchObject([rejected, rejected]);
    expect(await versionsOf(counterId)).toEqual([1, 2]);
  });
});

describe('a command that somebody else is always faster than', () => {
  it('gives up, and reports the version of the last decision and the version that it found', async () => {
    const [here, elsewhere] = await Promise.all([openEngine(), openEngine()]);
    const counterId = await open(here);
    let decisions = 0;
    const overtaken = defineCommand('overtaken', {
      aggregate: Counter,
      input: z.object({ counterId: z.uuid() }),
      id: (input) => input.counterId,
      allow: 'everyone',
      gather: async () => receiptOf(await elsewhere.bus.execute(incrementCounter, { counterId }, system)),
      decide: () => {
        decisions++;
        return CounterIncremented({ by: 1 });
      },
    });
    const outcome = await here.bus.execute(overtaken, { counterId }, { ...system, commandId: randomUUID() });
    expect(outcome).toEqual({
      kind: 'conflict',
      expectedVersion: decisions,
      actualVersion: decisions + 1,
      attempts: decisions,
    });
    expect(decisions).toBe(11);
    expect(toResult(outcome)).toMatchObject({
      code: 'CONCURRENCY_CONFLICT',
      message: 'Others were faster 11 times: it was last decided on version 11, and now it is at 12. Send it again.',
    });
  });

  it('with an expected version is told so at once, in other words', async () => {
    const engine = await openEngine();
    const counterId = await open(engine);
    const outcome = await engine.bus.execute(incrementCounter, { counterId }, { ...system, expectedVersion: 5 });
    expect(outcome).toEqual({ kind: 'conflict', expectedVersion: 5, actualVersion: 1 });
    expect(toResult(outcome)).toMatchObject({ message: 'Expected version 5, but it is at 1. Read again and decide.' });
  });
});

describe('an answer that appends nothing', () => {
  it('is never based on a state that only this server still believes', async () => {
    const [here, elsewhere] = await Promise.all([openEngine(), openEngine()]);
    const counterId = await open(here);
    receiptOf(await here.bus.execute(incrementCounter, { counterId, by: 1_000_000 }, system));
    receiptOf(await elsewhere.bus.execute(incrementCounter, { counterId, by: -1 }, system));
    expect(receiptOf(await here.bus.execute(incrementCounter, { counterId, by: 1 }, system)).version).toBe(4);
    await elsewhere.bus.execute(incrementCounter, { counterId }, { ...system, expectedVersion: 4 });
    expect(receiptOf(await here.bus.execute(incrementCounter, { counterId, by: 0 }, system)).version).toBe(4);
  });

  it('holds although the server’s own append, whose answer is still under way, was followed by another’s', async () => {
    const proxy = await openProxy();
    const [here, elsewhere] = await Promise.all([openEngine({ url: proxy.url }), openEngine()]);
    const counterId = await open(here);
    proxy.holdAnswers();
    const raised = here.bus.execute(incrementCounter, { counterId, by: 1_000_000 }, system);
    await until(async () => (await stored()) === 2);
    receiptOf(await elsewhere.bus.execute(incrementCounter, { counterId, by: -1_000_000 }, system));
    // Whoever has that receipt and asks here now must find what it stands for.
    const asked = here.bus.execute(incrementCounter, { counterId, by: 5 }, system);
    proxy.passAnswers();
    receiptOf(await raised);
    expect(receiptOf(await asked).version).toBe(4);
  });

  it('holds under a stream of other commands that are accepted', async () => {
    const engine = await openEngine();
    const counterId = await open(engine);
    const outcomes = await Promise.all(
      upTo(60).map((n) => engine.bus.execute(incrementCounter, { counterId, by: n % 3 === 0 ? 2_000_000 : 1 }, system)),
    );
    outcomes.forEach(({ kind }, index) => {
      expect(kind).toBe((index + 1) % 3 === 0 ? 'rejected' : 'accepted');
    });
  });
});

describe('facts', () => {
  it('are as new as the log, although an answer about the other aggregate is still under way', async () => {
    const proxy = await openProxy();
    const [here, elsewhere] = await Promise.all([openEngine({ url: proxy.url }), openEngine()]);
    const [counterId, otherId] = [await open(here), await open(here)];
    proxy.holdAnswers();
    const raised = here.bus.execute(incrementCounter, { counterId: otherId, by: 1 }, system);
    await until(async () => (await stored()) === 3);
    receiptOf(await elsewhere.bus.execute(incrementCounter, { counterId: otherId, by: 10 }, system));
    const added = here.bus.execute(addCounter, { counterId, otherId }, system);
    proxy.passAnswers();
    receiptOf(await raised);
    const { position } = receiptOf(await added);
    const [row] = await database.sql`select data from es.events where position = ${position}`;
    expect(row?.data).toEqual({ by: 11 });
  });

  it('that were gathered with a state are decided on with that state', async () => {
    const gathering = Promise.withResolvers<void>();
    const mayGoOn = Promise.withResolvers<void>();
    const doubleCounter = defineCommand('doubleCounter', {
      aggregate: Counter,
      input: z.object({ counterId: z.uuid() }),
      id: (input) => input.counterId,
      allow: 'everyone',
      gather: async (_, { state }) => {
        const { value } = state;
        gathering.resolve();
        await mayGoOn.promise;
        return value;
      },
      decide: (state, _, gathered) => CounterIncremented({ by: gathered === state.value ? gathered : -1 }),
    });
    const { bus, ...engine } = await openEngine();
    const counterId = await open({ bus, ...engine });
    await bus.execute(incrementCounter, { counterId, by: 3 }, system);
    const doubled = bus.execute(doubleCounter, { counterId }, system);
    await gathering.promise;
    await bus.execute(incrementCounter, { counterId, by: 4 }, system);
    mayGoOn.resolve();
    const { version } = receiptOf(await doubled);
    const [row] =
      await database.sql`select data from es.events where version = ${version} and stream_id = ${counterId}`;
    expect(row?.data).toEqual({ by: 7 });
  });
});

describe('a stream that cannot be read', () => {
  it('does not hurt the commands for others that are loaded with it', async () => {
    const engine = await openEngine();
    const [broken, whole] = [await open(engine), await open(engine)];
    await database.sql`insert into es.events
      select 3, stream_type, stream_id, 2, 'CounterExploded', 1, data, metadata, gen_random_uuid(), null, gen_random_uuid(),
             occurred_at, recorded_at from es.events where stream_id = ${broken}`;
    const { bus } = await openEngine();
    const outcomes = await Promise.allSettled(
      [broken, whole].map((counterId) => bus.execute(incrementCounter, { counterId }, system)),
    );
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { code: 'THROTTLED', message: expect.stringContaining('CounterExploded') } },
      { status: 'fulfilled', value: { kind: 'accepted' } },
    ]);
  });
});
