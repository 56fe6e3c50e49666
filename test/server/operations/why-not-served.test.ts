import { describe, expect, it } from 'vitest';
import { UnreadableEventError } from '../../../src/kernel/define/event.ts';
import { AheadOfCodeError } from '../../../src/kernel/log/newer-events.ts';
import { whyNotServed } from '../../../src/server/operations/why-not-served.ts';

const filling = {
  ...{ name: 'orders', version: 2, isIncomplete: true, isServed: false, lag: 7 },
  ...{ state: 'REBUILDING' as const, failure: null },
};
const newer = new UnreadableEventError('OrderSplit', 3, 'no domain defines this event', {
  position: 12,
  isNewer: true,
});
const ahead = { state: 'AHEAD_OF_CODE' as const, failure: new AheadOfCodeError(newer).message };

describe('a server that is not ready because of a read model', () => {
  it('says how many events are left', () => {
    expect(whyNotServed(filling)).toBe('Read model orders (version 2) is being filled: 7 events are left.');
    expect(whyNotServed({ ...filling, isIncomplete: false })).toContain('catches up with the log');
    expect(whyNotServed({ ...filling, isIncomplete: false, isServed: true })).toBeUndefined();
  });

  it.each([true, false])(
    'names the event of newer code that the read model waits for (being filled: %s)',
    (isIncomplete) => {
      expect(whyNotServed({ ...filling, isIncomplete, ...ahead })).toMatch(
        /^Read model orders \(version 2\) .*7 events are left\. It is in state AHEAD_OF_CODE: The event OrderSplit of schema version 3 at position 12 /,
      );
    },
  );

  it('tells nobody why it is stalled otherwise, because anybody may ask', () => {
    const stalled = { ...filling, state: 'STALLED' as const, failure: 'insert into read.orders_v2 failed' };
    expect(whyNotServed(stalled)).not.toContain('insert into');
  });
});
