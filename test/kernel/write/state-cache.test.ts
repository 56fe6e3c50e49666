import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAggregate } from '../../../src/kernel/define/aggregate.ts';
import { defineCommand } from '../../../src/kernel/define/command.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { AppendQueue } from '../../../src/kernel/log/append/append-queue.ts';
import type { StreamRequest } from '../../../src/kernel/log/streams/stream-loader.ts';
import { CommandBus } from '../../../src/kernel/write/command-bus.ts';
import { StreamStates } from '../../../src/kernel/write/state/stream-states.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { Counter, counterDomain, incrementCounter, openCounter, system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }]);

const TextWritten = defineEvent('TextWritten', { data: z.object({ text: z.string() }) });
const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1);

it('a stream that is not in memory is read once for all commands that arrive together', async () => {
  const first = await openEngine();
  const counterId = receiptOf(await first.bus.execute(openCounter, { label: 'long' }, system)).aggregateId;
  await first.close();
  let reads = 0;
  const { log } = await openEngine();
  const load = (requests: readonly StreamRequest[]) => {
    reads += requests.length;
    return log.load(requests);
  };
  const states = new StreamStates({ load, loadAt: log.loadAt }, 10);
  const found = await Promise.all(upTo(50).map(() => states.get(Counter, counterId)));
  expect(reads).toBe(1);
  expect(new Set(found).size).toBe(1);
  expect(found[0]).toMatchObject({ version: 1, state: { status: 'OPEN' } });
});

describe('a cache of states that is far too small', () => {
  it('evicts them under load, and every command is decided on its stream’s true state', async () => {
    const engines = await Promise.all([openEngine({ stateCacheSize: 2 }), openEngine({ stateCacheSize: 2 })]);
    const [{ bus }] = engines;
    const opened = await Promise.all(upTo(12).map((n) => bus.execute(openCounter, { label: `${n}` }, system)));
    const counterIds = opened.map((outcome) => receiptOf(outcome).aggregateId);
    // Commands that raise a counter above a million are rejected: each counter has room for 30 more and is asked for
    // 40.
    await Promise.all(
      counterIds.map((counterId) => bus.execute(incrementCounter, { counterId, by: 1_000_000 - 30 }, system)),
    );
    const outcomes = await Promise.all(
      counterIds.flatMap((counterId) =>
        engines.map(async (engine) => {
          const kinds: string[] = [];
          for (const _ of upTo(20)) {
            const outcome = await engine.bus.execute(incrementCounter, { counterId }, system);
            kinds.push(outcome.kind);
          }
          return kinds;
        }),
      ),
    );
    const kinds = outcomes.flat();
    expect(kinds.filter((kind) => kind === 'accepted')).toHaveLength(12 * 30);
    expect(kinds.filter((kind) => kind === 'rejected')).toHaveLength(12 * 10);
    const values = await database.sql`
      select sum((data -> 'by')::int)::int as value, max(version) as version from es.events group by stream_id`;
    expect([...values]).toEqual(upTo(12).map(() => ({ value: 1_000_000, version: 32 })));
  });

  it('keeps the order of commands that arrive for one stream together', async () => {
    const { bus } = await openEngine({ stateCacheSize: 2 });
    const opened = await Promise.all(upTo(8).map((n) => bus.execute(openCounter, { label: `${n}` }, system)));
    const counterIds = opened.map((outcome) => receiptOf(outcome).aggregateId);
    const outcomes = await Promise.all(
      upTo(15).flatMap(() => counterIds.map((counterId) => bus.execute(incrementCounter, { counterId }, system))),
    );
    const versions = new Map<string, number[]>();
    for (const { aggregateId, version } of outcomes.map(receiptOf)) {
      versions.set(aggregateId, [...(versions.get(aggregateId) ?? []), version]);
    }
    for (const seen of versions.values()) expect(seen.sort((a, b) => a - b)).toEqual(upTo(15).map((n) => n + 1));
    expect(versions.size).toBe(8);
  });
});

describe('a cache of states that is bounded in bytes', () => {
  const Text = defineAggregate('Text', {
    initialState: () => ({ text: '' }),
    events: { TextWritten },
    evolve: { TextWritten: (_, { data }) => data },
  });
  const writeText = defineCommand('writeText', {
    aggregate: Text,
    creates: true,
    input: z.object({ id: z.uuid(), text: z.string() }),
    id: ({ id }) => id,
    allow: 'everyone',
    decide: (_, { text }) => TextWritten({ text }),
  });
  const texts = { name: 'texts', aggregates: [Text], commands: [writeText], projections: [], graphql: undefined };

  it('holds no more than that, whether the states were loaded or grew in memory, and all remain true', async () => {
    const engine = await openEngine({ domains: [texts] });
    const states = new StreamStates(engine.log, 10_000, undefined, 1_000_000);
    const queue = new AppendQueue(engine.log, { limit: 100, batchLimit: 100, onCommitted: () => {} });
    const bus = new CommandBus({ log: engine.log, queue, states });
    const ids = upTo(50).map(() => randomUUID());
    for (const [nth, text] of ['a', 'b'.repeat(50_000), 'c'.repeat(60_000), 'd'].entries()) {
      for (const id of ids) {
        expect(receiptOf(await bus.execute(writeText, { id, text }, system)).version).toBe(nth + 1);
        expect(states.bytes).toBeLessThanOrEqual(1_000_000);
      }
    }
    await bus.execute(writeText, { id: ids[0] as string, text: 'e'.repeat(90_000) }, system);
    const reading = new StreamStates(engine.log, 10_000, undefined, 150_000);
    for (const id of ids) {
      expect((await reading.get(Text, id)).state).toEqual({ text: id === ids[0] ? 'e'.repeat(90_000) : 'd' });
      expect(reading.bytes).toBeLessThanOrEqual(150_000);
    }
  });
});
