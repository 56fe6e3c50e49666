import { describe, expect, it } from 'vitest';
import { receiptOf } from '../../support/appends.ts';
import { counterDomain, incrementCounter, openCounter, system } from '../../support/counter.ts';
import { useDatabase } from '../../support/database.ts';
import { useEngine } from '../../support/engine.ts';

const database = useDatabase();
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }]);

const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1);

describe('a cache of states that is far too small', () => {
  it('evicts them under load, and every command is decided on its stream’s true state', async () => {
    const engines = await Promise.all([openEngine({ stateCacheSize: 2 }), openEngine({ stateCacheSize: 2 })]);
    const [{ bus }] = engines;
    const opened = await Promise.all(upTo(12).map((n) => bus.execute(openCounter, { label: `${n}` }, system)));
    const counterIds = opened.map((outcome) => receiptOf(outcome).aggregateId);
    // What takes a counter over the million is rejected: each of these has room for 30 more, and is asked for 40.
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

  it('keeps in line what arrives for one stream at once', async () => {
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
