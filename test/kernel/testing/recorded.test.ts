import { describe, expect, it } from 'vitest';
import { UnreadableEventError } from '../../../src/kernel/define/event.ts';
import { recorded } from '../../../src/kernel/testing/recorded.ts';
import { Counted, Counter, Opened } from './counter.ts';

describe('a log for tests', () => {
  const log = recorded(
    Counter,
    'a',
    [Counted({ by: 2 })],
    recorded(Counter, 'b', [Opened({})], recorded(Counter, 'a', [Opened({ note: 'first' }), Counted({ by: 1 })])),
  );

  it('has positions without holes, and versions by stream', () => {
    expect(log.map(({ position, streamId, version, type }) => [position, streamId, version, type])).toEqual([
      [1, 'a', 1, 'Opened'],
      [2, 'a', 2, 'Counted'],
      [3, 'b', 1, 'Opened'],
      [4, 'a', 3, 'Counted'],
    ]);
    expect(new Set(log.map(({ streamType }) => streamType))).toEqual(new Set(['Counter']));
  });

  it('has times that grow, and ids of its own for each event', () => {
    expect(log.map(({ occurredAt }) => occurredAt.toISOString())).toEqual([
      '2026-01-01T00:00:01.000Z',
      '2026-01-01T00:00:02.000Z',
      '2026-01-01T00:00:03.000Z',
      '2026-01-01T00:00:04.000Z',
    ]);
    expect(log.map(({ recordedAt }) => recordedAt)).toEqual(log.map(({ occurredAt }) => occurredAt));
    expect(new Set(log.flatMap(({ eventId, commandId }) => [eventId, commandId])).size).toBe(8);
  });

  it('is the same each time', () => {
    expect(recorded(Counter, 'a', [Opened({})])).toEqual(recorded(Counter, 'a', [Opened({})]));
  });

  it('holds events as JSON does', () => {
    const [event] = recorded(Counter, 'a', [Opened({ note: undefined })]);
    expect(Object.keys(event?.data as object)).toEqual([]);
  });

  it('refuses an event that does not fit its schema', () => {
    expect(() => recorded(Counter, 'a', [Counted({ by: 0 })])).toThrow(UnreadableEventError);
  });
});
