import { expect, it } from 'vitest';
import type { Backoff } from '../../../src/scheduling/backoff.ts';
import { BackgroundVisits } from '../../../src/server/tenants/background-visits.ts';
import { NoRoomError } from '../../../src/server/tenants/tenant-registry.ts';

/** Visits that are told one after the other, in the order in which they begin. */
function visitsOf(
  tenants: readonly string[],
  failing: ReadonlySet<string> = new Set(),
  again?: Backoff,
  why = () => new Error('not now'),
  roundMs?: number,
) {
  const begun: string[] = [];
  let atOnce = 0;
  let mostAtOnce = 0;
  let wake = Promise.withResolvers<void>();
  const visits = new BackgroundVisits({
    list: async () => tenants,
    visit: async (tenant) => {
      mostAtOnce = Math.max(mostAtOnce, ++atOnce);
      await new Promise(setImmediate);
      atOnce--;
      begun.push(tenant);
      wake.resolve();
      wake = Promise.withResolvers();
      if (failing.has(tenant)) throw why();
    },
    onError: () => {},
    ...(again && { again }),
    ...(roundMs && { roundMs }),
  });
  const reached = async (count: number) => {
    while (begun.length < count) await wake.promise;
    return begun;
  };
  return { visits, begun, reached, mostAtOnce: () => mostAtOnce };
}

it('visits every tenant once after the start, one at a time, also if one cannot be visited', async () => {
  const { visits, reached, mostAtOnce } = visitsOf(['a', 'b', 'c'], new Set(['b']));
  visits.start();
  expect(await reached(3)).toEqual(['a', 'b', 'c']);
  expect(mostAtOnce()).toBe(1);
  visits.stop();
});

it('visits every tenant again in each round, also those that have come since, because other servers may have known of their work', async () => {
  const tenants = ['a'];
  const { visits, reached } = visitsOf(tenants, new Set(), undefined, undefined, 20);
  visits.start();
  await reached(1);
  tenants.push('b');
  expect(await reached(5)).toEqual(['a', 'a', 'b', 'a', 'b']);
  visits.stop();
});

it('visits a tenant when its work is due, and only at the time that was told last', async () => {
  const { visits, reached } = visitsOf([]);
  visits.visitIn('a', 60_000);
  visits.visitIn('b', 60_000);
  visits.visitIn('b', undefined);
  visits.visitIn('c', 0);
  visits.visitIn('a', 1);
  expect((await reached(2)).toSorted()).toEqual(['a', 'c']);
  visits.stop();
});

it('visits nobody after it was stopped', async () => {
  const { visits, begun } = visitsOf(['a']);
  visits.visitIn('b', 0);
  visits.stop();
  visits.visitIn('c', 0);
  const later = Promise.withResolvers<void>();
  setTimeout(later.resolve, 5);
  await later.promise;
  expect(begun).toEqual([]);
});

it('visits a tenant that cannot be visited again and again, each time later, and others as soon as they are due', async () => {
  const failing = new Set(['a']);
  const { visits, begun, reached } = visitsOf(['a'], failing, { firstMs: 20, maxMs: 10_000, factor: 20 });
  visits.start();
  // The second attempt comes after 20 ms, the third after another 400.
  await reached(2);
  visits.visitIn('b', 1);
  await reached(3);
  expect(begun).toEqual(['a', 'a', 'b']);
  failing.clear();
  expect(await reached(4)).toEqual(['a', 'a', 'b', 'a']);
  visits.stop();
});

it('visits a tenant for whom there is no room as soon as after a first failure, however often that happens', async () => {
  const full = new Set(['a']);
  const again = { firstMs: 1, maxMs: 10_000_000, factor: 10_000 };
  const { visits, reached } = visitsOf(['a'], full, again, () => new NoRoomError());
  visits.start();
  // If they counted as failures, the third visit would come after ten seconds, and the fourth after hours.
  expect(await reached(4)).toEqual(['a', 'a', 'a', 'a']);
  visits.stop();
});
