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
