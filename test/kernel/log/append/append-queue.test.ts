import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { RecordedEvent } from '../../../../src/kernel/define/event.ts';
import { OutcomeUnknownError, ThrottledError } from '../../../../src/kernel/errors.ts';
import { AppendQueue, type AppendQueueOptions } from '../../../../src/kernel/log/append/append-queue.ts';
import type { EngineOccurrences } from '../../../../src/kernel/observe/occurrences.ts';
import { Observer } from '../../../../src/observe/observer.ts';
import { anAppend, incremented } from '../../../support/kernel/appends.ts';
import { counterDomain } from '../../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../../support/kernel/engine.ts';
import { LOCK_LOG, WAITING_FOR_LOG } from '../../../support/kernel/log-lock.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { useProxy } from '../../../support/postgres/proxy.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const openProxy = useProxy(database);
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }]);

/** A queue whose connections go through a proxy, and what it said it committed. */
async function queueBehindProxy(options: Partial<AppendQueueOptions> = {}) {
  const proxy = await openProxy();
  const engine = await openEngine({ url: proxy.url, writers: 1 });
  return { proxy, ...queueOf(engine, options) };
}

function queueOf({ log }: Pick<TestEngine, 'log'>, options: Partial<AppendQueueOptions> = {}) {
  const committed: { events: readonly RecordedEvent[]; position: number }[] = [];
  const retries: unknown[] = [];
  const queue = new AppendQueue(log, {
    limit: 1000,
    batchLimit: 100,
    onCommitted: (events, position) => committed.push({ events, position }),
    observer: new Observer<EngineOccurrences>([{ appendRetried: ({ error }) => retries.push(error) }]),
    ...options,
  });
  return { log, queue, committed, retries };
}

const stored = async () => (await database.sql`select count(*)::int as n from es.events`)[0]?.n;
const transactions = async () => (await database.sql`select count(distinct xmin::text)::int as n from es.events`)[0]?.n;
/** The lock of es.append, taken by the test: appends wait until it is given back. */
const holdLog = async () => {
  const held = await database.sql.reserve();
  await held`begin`;
  await held.unsafe(LOCK_LOG);
  return async () => {
    await held`commit`;
    held.release();
  };
};
const appendsWaitForLock = async () => (await database.sql.unsafe(WAITING_FOR_LOG)).length > 0;

describe('group commit', () => {
  it('takes what arrived in the meantime together', async () => {
    const { queue, committed } = queueOf(await openEngine());
    const letGo = await holdLog();
    const first = queue.append(anAppend());
    await until(appendsWaitForLock);
    const rest = Array.from({ length: 50 }, () => queue.append(anAppend()));
    await letGo();
    await Promise.all([first, ...rest]);
    expect(await transactions()).toBe(2);
    expect(committed.map(({ position }) => position)).toEqual([1, 51]);
    expect(committed.flatMap(({ events }) => events.map(({ position }) => position))).toEqual(
      Array.from({ length: 51 }, (_, index) => index + 1),
    );
  });

  it('tells of a batch before it answers the callers', async () => {
    const order: string[] = [];
    const { queue } = queueOf(await openEngine(), { onCommitted: () => order.push('committed') });
    await queue.append(anAppend()).then(() => order.push('answered'));
    expect(order).toEqual(['committed', 'answered']);
  });

  it('continues and answers if the listener for committed batches throws', async () => {
    const errors: unknown[] = [];
    const { queue } = queueOf(await openEngine(), {
      onCommitted: (_, position) => {
        throw new Error(`no ear for ${position}`);
      },
      observer: new Observer<EngineOccurrences>([{ faultMet: ({ error }) => errors.push(error) }]),
    });
    for (const position of [1, 2]) {
      expect(await queue.append(anAppend())).toMatchObject({ outcome: 'accepted', position });
    }
    expect(errors).toMatchObject([{ message: 'no ear for 1' }, { message: 'no ear for 2' }]);
    await queue.close();
  });

  it('puts no more events into a transaction than it may, but an append that is larger goes alone', async () => {
    const { queue } = queueOf(await openEngine(), { batchLimit: 3 });
    const events = (n: number) => Array.from({ length: n }, () => incremented());
    const outcomes = await Promise.all([1, 1, 5, 2, 1, 1].map((n) => queue.append(anAppend({ events: events(n) }))));
    expect(outcomes.map((outcome) => outcome.outcome === 'accepted' && outcome.position)).toEqual([1, 2, 7, 9, 10, 11]);
    expect(await transactions()).toBe(4);
  });
});

describe('a full queue', () => {
  it('refuses with THROTTLED, takes nothing, and recovers', async () => {
    const { queue } = queueOf(await openEngine(), { limit: 3 });
    const letGo = await holdLog();
    const first = queue.append(anAppend());
    await until(appendsWaitForLock);
    const waiting = [1, 2, 3].map(() => queue.append(anAppend()));
    expect(queue.depth).toBe(3);
    expect(() => queue.append(anAppend())).toThrow(ThrottledError);
    expect(() => queue.assertRoom()).toThrow(/Try again in \d+ ms/);
    await letGo();
    await Promise.all([first, ...waiting]);
    await expect(queue.append(anAppend())).resolves.toMatchObject({ outcome: 'accepted', position: 5 });
    expect(await stored()).toBe(5);
  });
});

describe('closing', () => {
  it('settles what was taken and refuses what comes later', async () => {
    const { queue } = queueOf(await openEngine());
    const taken = Array.from({ length: 20 }, () => queue.append(anAppend()));
    const closed = queue.close();
    expect(() => queue.append(anAppend())).toThrow(ThrottledError);
    await closed;
    expect(await stored()).toBe(20);
    await Promise.all(taken);
  });
});

describe('an append that Postgres does not take', () => {
  it.each([
    ['text that JSON in Postgres cannot hold', incremented('a\0b')],
    ['nesting deeper than its stack, or than ours', incremented(JSON.parse('['.repeat(50_000) + ']'.repeat(50_000)))],
    ['what is not JSON at all', incremented(1n)],
  ])('for %s fails alone', async (_, event) => {
    const { queue, committed } = queueOf(await openEngine());
    const streamId = randomUUID();
    const appends = [
      anAppend(),
      anAppend({ streamId, events: [event] }),
      anAppend({ streamId, expectedVersion: 1 }),
      anAppend(),
    ];
    const outcomes = await Promise.allSettled(appends.map((append) => queue.append(append)));
    expect(outcomes).toMatchObject([
      { status: 'fulfilled', value: { outcome: 'accepted', position: 1 } },
      { status: 'rejected' },
      { status: 'fulfilled', value: { outcome: 'conflict' } },
      { status: 'fulfilled', value: { outcome: 'accepted', position: 2 } },
    ]);
    expect(committed.map(({ position }) => position).at(-1)).toBe(2);
  });
});

describe('a command id that is in the queue already', () => {
  it('waits for the next batch and is answered as a repeat', async () => {
    const { queue } = queueOf(await openEngine());
    const append = anAppend();
    const outcomes = await Promise.all([queue.append(append), queue.append(append), queue.append(append)]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['accepted', 'replayed', 'replayed']);
  });

  it('holds back only the appends that build on the repeat', async () => {
    const { queue } = queueOf(await openEngine());
    const first = anAppend();
    const { streamId, commandId } = first;
    const outcomes = await Promise.all([
      queue.append(first),
      queue.append(anAppend({ streamId, commandId, expectedVersion: 1 })),
      queue.append(anAppend({ streamId, expectedVersion: 2 })),
      queue.append(anAppend()),
    ]);
    expect(outcomes).toMatchObject([
      { outcome: 'accepted', position: 1 },
      { outcome: 'reused' },
      { outcome: 'conflict' },
      { outcome: 'accepted', position: 2 },
    ]);
  });

  it('in the queues of two servers at one moment is accepted once', async () => {
    const [one, two] = await Promise.all([openEngine(), openEngine()]);
    const queues = [queueOf(one).queue, queueOf(two).queue];
    const appends = Array.from({ length: 50 }, () => anAppend());
    const outcomes = await Promise.all(
      queues.map((queue) => Promise.all(appends.map((append) => queue.append(append)))),
    );
    appends.forEach((_, nth) => {
      expect(outcomes.map((answers) => answers[nth]?.outcome).sort()).toEqual(['accepted', 'replayed']);
    });
    expect(await stored()).toBe(50);
  });
});

describe('a connection that breaks', () => {
  it.each([1, 2])(
    'after the commit of %i events and before its answer: the append is found, not repeated',
    async (size) => {
      const { proxy, queue, committed, retries } = await queueBehindProxy();
      const appendOfSize = () => anAppend({ events: Array.from({ length: size }, (_, nth) => incremented(nth)) });
      // From now on, its statement is prepared: it needs no answer before it is executed.
      await queue.append(appendOfSize());
      proxy.holdAnswers();
      const pending = queue.append(appendOfSize());
      await until(async () => (await stored()) === 2 * size);
      proxy.passAnswers();
      proxy.cut();
      const outcome = await pending;
      expect(outcome).toMatchObject({ outcome: 'accepted', version: size, position: 2 * size });
      expect(await stored()).toBe(2 * size);
      expect(retries).not.toHaveLength(0);
      expect(committed.at(-1)?.position).toBe(2 * size);
    },
  );

  it('and meets a repeat of an older command in the batch: that one is answered as a repeat', async () => {
    const { proxy, queue, log } = await queueBehindProxy();
    const old = anAppend({ occurredAt: new Date(0) });
    await queue.append(old);
    await log.append([anAppend({ streamId: old.streamId, expectedVersion: 1 })]);
    proxy.holdAnswers();
    const repeat = queue.append({ ...old, expectedVersion: 2 });
    // An append with a business time is judged on its own, as all others of its batch are.
    const fresh = queue.append(anAppend({ occurredAt: new Date(0) }));
    await until(async () => (await stored()) === 3);
    proxy.passAnswers();
    proxy.cut();
    expect(await repeat).toMatchObject({ outcome: 'replayed', version: 1, position: 1 });
    expect(await fresh).toMatchObject({ outcome: 'accepted', position: 3 });
  });

  it('again and again: every acknowledged append is in the log once, in its place', async () => {
    const { queue } = queueOf(await openEngine({ writers: 2 }), { batchLimit: 20 });
    const acknowledged: { commandId: string; position: number }[] = [];
    let kills = 0;
    const killer = (async () => {
      while (kills < 5) {
        const target = acknowledged.length + 20;
        await until(() => acknowledged.length >= target);
        const killed = await database.sql`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'afterwrite writer' and datname = current_database() and state = 'active'`;
        kills += killed.length;
      }
    })();
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        while (kills < 5) {
          const append = anAppend();
          const outcome = await queue.append(append);
          if (outcome.outcome !== 'accepted') throw new Error(`${outcome.outcome} is no answer to a new command`);
          acknowledged.push({ commandId: append.commandId, position: outcome.position });
        }
      }),
    );
    await killer;
    const rows = await database.sql`select command_id as "commandId", position from es.events order by position`;
    expect([...rows]).toEqual(acknowledged.sort((a, b) => a.position - b.position));
    expect(rows.map((row) => row.position)).toEqual(rows.map((_, index) => index + 1));
  });

  it('for good: the outcome is unknown, and later appends go on when the database is back', async () => {
    const { proxy, queue } = await queueBehindProxy({ retryForMs: 100 });
    await queue.append(anAppend());
    proxy.refuse(true);
    proxy.cut();
    const append = anAppend();
    await expect(queue.append(append)).rejects.toThrow(OutcomeUnknownError);
    await expect(queue.append(append)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', commandId: append.commandId });
    proxy.refuse(false);
    // One of the attempts may have been on its way and be committed now: either way it is in the log once.
    expect(await until(() => queue.append(append))).toMatchObject({ position: 2 });
    expect(await stored()).toBe(2);
  });
});
