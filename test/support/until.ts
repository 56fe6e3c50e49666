import { setTimeout as delay } from 'node:timers/promises';

/** Time between two checks, in ms: a twentieth of the time that the wait has lasted already, within these limits. */
const CHECKS_MS = { least: 5, most: 25 } as const;

/**
 * Waits until a condition holds and returns its value, checking every few milliseconds, and more rarely if it takes long: a
 * check is often a query, and what is waited for needs the CPU too.
 * @param options.deadline in ms.
 * @param options.everyMs time between two checks in ms, for a condition that holds only briefly.
 * @throws {Error} if it does not hold before the deadline, or the last error that it threw.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { deadline = 30_000, everyMs }: { deadline?: number; everyMs?: number } = {},
): Promise<T> {
  const begin = performance.now();
  for (;;) {
    let failure: unknown;
    try {
      const answer = await condition();
      if (answer) return answer;
    } catch (error) {
      failure = error;
    }
    const waited = performance.now() - begin;
    if (waited > deadline) throw failure ?? new Error(`did not come true within ${deadline} ms: ${condition}`);
    await delay(everyMs ?? Math.min(Math.max(waited / 20, CHECKS_MS.least), CHECKS_MS.most));
  }
}

/** A check and the pause after it count as no more than this, in ms. */
const ON_TIME_MS = 50;

/**
 * Waits until a condition holds that the product promises within a time, in ms. It does not count for how long this process, or
 * Postgres with what it was asked, was kept from running: so was what keeps the promise.
 * @throws {Error} if it does not hold within this time.
 */
export async function within<T>(ms: number, condition: () => T | Promise<T>): Promise<T> {
  let before = performance.now();
  for (let counted = 0; counted <= ms; ) {
    const answer = await condition();
    if (answer) return answer;
    await delay(CHECKS_MS.most);
    const now = performance.now();
    counted += Math.min(now - before, ON_TIME_MS);
    before = now;
  }
  throw new Error(`did not come true within ${ms} ms: ${condition}`);
}
