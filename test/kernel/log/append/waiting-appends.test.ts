import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Waiting, WaitingAppends } from '../../../../src/kernel/log/append/waiting-appends.ts';
import { anAppend, incremented } from '../../../support/kernel/appends.ts';
import { fc } from '../../../support/properties.ts';

interface Facts {
  readonly initiator: string;
  readonly stream?: string;
  readonly command?: string;
  readonly bytes?: number;
  readonly events?: number;
}
let since = 0;
function waiting({ initiator, stream, command, bytes = 1000, events = 1 }: Facts): Waiting {
  const append = anAppend({
    ...(stream ? { streamId: stream } : {}),
    ...(command ? { commandId: command } : {}),
    events: Array.from({ length: events }, () => incremented()),
  });
  return { append, bytes, initiator, since: since++, isTaken: false };
}
const ROOMY = { events: 1000, bytes: 1_000_000 };
const initiators = (batch: readonly Waiting[]) => batch.map(({ initiator }) => initiator).join('');

describe('a batch', () => {
  it('has appends of all initiators, however much waits for the first', () => {
    const all = new WaitingAppends();
    for (let n = 0; n < 500; n++) all.push(waiting({ initiator: 'a', bytes: 10_000 }));
    for (const initiator of ['b', 'c']) all.push(waiting({ initiator }));
    expect(initiators(all.takeBatch({ events: 6, bytes: 1_000_000 }))).toBe('aabcaa');
    expect(all.count).toBe(496);
  });

  it('gives initiators of large appends fewer of them, so that all have as many bytes', () => {
    const all = new WaitingAppends();
    for (let n = 0; n < 100; n++) {
      all.push(waiting({ initiator: 'a', bytes: 16_384 }));
      all.push(waiting({ initiator: 'b', bytes: 4096 }));
    }
    expect(initiators(all.takeBatch({ events: 1000, bytes: 81_920 }))).toBe('abbbbabbbba');
  });

  it('begins with the initiator whose turn the batch before had no room for', () => {
    const all = new WaitingAppends();
    for (const initiator of ['a', 'b', 'c', 'a', 'b', 'c']) all.push(waiting({ initiator, bytes: 20_000 }));
    const batches = [1, 2, 3].map(() => initiators(all.takeBatch({ events: 2, bytes: 1_000_000 })));
    expect(batches).toEqual(['ab', 'ca', 'bc']);
  });

  it('keeps the order within a stream if its appends are of different initiators', () => {
    const all = new WaitingAppends();
    const stream = randomUUID();
    for (let n = 0; n < 50; n++) all.push(waiting({ initiator: 'a', bytes: 20_000 }));
    const first = waiting({ initiator: 'a', stream });
    const second = waiting({ initiator: 'b', stream });
    all.push(first);
    all.push(second);
    const batch = all.takeBatch({ events: 3, bytes: 1_000_000 });
    expect(batch.slice(1)).toEqual([first, second]);
  });

  it('is not larger than it may be, but what is larger than a batch goes alone', () => {
    const all = new WaitingAppends();
    for (const bytes of [500, 3000, 500, 500]) all.push(waiting({ initiator: 'a', bytes }));
    const take = () => all.takeBatch({ events: 10, bytes: 1000 }).map(({ bytes }) => bytes);
    expect([take(), take(), take()]).toEqual([[500], [3000], [500, 500]]);
  });

  it('holds back only a command id that it has already, and the appends that build on it', () => {
    const all = new WaitingAppends();
    const [stream, command] = [randomUUID(), randomUUID()];
    const appends = [
      waiting({ initiator: 'a', command }),
      waiting({ initiator: 'b', stream, command }),
      waiting({ initiator: 'c', stream }),
      waiting({ initiator: 'c' }),
    ];
    for (const append of appends) all.push(append);
    expect(all.takeBatch(ROOMY)).toEqual([appends[0], appends[3]]);
    expect(all.takeBatch(ROOMY)).toEqual([appends[1], appends[2]]);
    expect(all.count).toBe(0);
  });
});

it('everything is taken once, in the order of its stream, and is counted until then', () => {
  const facts = fc.record({
    initiator: fc.constantFrom('a', 'b', 'c'),
    stream: fc.constantFrom('1', '2', '3', '4'),
    command: fc.constantFrom(...'vwxyz'),
    bytes: fc.integer({ min: 1, max: 40_000 }),
    events: fc.integer({ min: 0, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(facts, { maxLength: 60 }), fc.integer({ min: 1, max: 10 }), (wanted, events) => {
      const all = new WaitingAppends();
      const pushed = wanted.map((each) => waiting(each));
      const taken: Waiting[] = [];
      const turn = () => {
        const batch = all.takeBatch({ events, bytes: 50_000 });
        expect(new Set(batch.map(({ append }) => append.commandId)).size).toBe(batch.length);
        taken.push(...batch);
        return batch.length;
      };
      for (const [nth, each] of pushed.entries()) {
        all.push(each);
        if (nth % 7 === 6) turn();
        const left = pushed.slice(0, nth + 1).filter((one) => !taken.includes(one));
        expect(all.count).toBe(left.length);
        expect(all.bytes).toBe(left.reduce((sum, { bytes }) => sum + bytes, 0));
        expect(all.shareOf('a').count).toBe(left.filter(({ initiator }) => initiator === 'a').length);
        expect(all.oldest).toBe(left[0]);
      }
      while (all.count > 0) expect(turn()).toBeGreaterThan(0);
      expect(taken).toHaveLength(pushed.length);
      for (const stream of '1234') {
        const of = (some: readonly Waiting[]) => some.filter(({ append }) => append.streamId === stream);
        expect(of(taken)).toEqual(of(pushed));
      }
    }),
  );
});
