import { describe, expect, it, vi } from 'vitest';
import { Hub, type ProjectionMoved } from '../../../src/kernel/notify/hub.ts';
import { unobserved } from '../../../src/kernel/observe/occurrences.ts';
import { faultsInto } from '../../support/kernel/observers.ts';

const moved = (projection: string, position = 1): ProjectionMoved => ({
  projection,
  position,
  keys: new Set(['a']),
  lagMs: 0,
});

describe('the hub', () => {
  it('tells of the projections that were asked for, and of no others', () => {
    const hub = new Hub(unobserved);
    const listener = vi.fn();
    hub.listen(['a', 'b'], listener);
    for (const projection of ['a', 'b', 'c']) hub.publish(moved(projection));
    expect(listener.mock.calls).toEqual([[moved('a')], [moved('b')]]);
  });

  it('tells nothing after the listener has left, and leaves the others', () => {
    const hub = new Hub(unobserved);
    const listeners = [vi.fn(), vi.fn()];
    const [leave] = listeners.map((listener) => hub.listen(['a'], listener));
    leave?.();
    leave?.();
    hub.publish(moved('a'));
    expect(listeners.map((listener) => listener.mock.calls.length)).toEqual([0, 1]);
  });

  it('takes one function for two listeners', () => {
    const hub = new Hub(unobserved);
    const listener = vi.fn();
    const leave = hub.listen(['a'], listener);
    hub.listen(['a'], listener);
    leave();
    hub.publish(moved('a'));
    expect(listener).toHaveBeenCalledOnce();
  });

  it('reports a listener that throws, and tells the others', () => {
    const errors: unknown[] = [];
    const hub = new Hub(faultsInto(errors));
    const listener = vi.fn();
    hub.listen(['a'], () => {
      throw new Error('broken');
    });
    hub.listen(['a'], listener);
    hub.publish(moved('a'));
    expect(errors).toEqual([new Error('broken')]);
    expect(listener).toHaveBeenCalledOnce();
  });

  it('lets listeners come and go while it tells', () => {
    const hub = new Hub(unobserved);
    const told: string[] = [];
    const leaveFirst = hub.listen(['a'], () => {
      told.push('first');
      leaveFirst();
      leaveSecond();
    });
    const leaveSecond = hub.listen(['a'], () => told.push('second'));
    hub.listen(['a'], () => told.push('third'));
    hub.publish(moved('a'));
    hub.publish(moved('a'));
    expect(told).toEqual(['first', 'third', 'third']);
  });
});
