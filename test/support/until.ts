import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until a condition holds and returns its value, checking every few milliseconds.
 * @throws {Error} if it does not hold before the deadline, or the last error that it threw.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { deadline = 10_000 }: { deadline?: number } = {},
): Promise<T> {
  const end = Date.now() + deadline;
  for (;;) {
    let failure: unknown;
    try {
      const answer = await condition();
      if (answer) return answer;
    } catch (error) {
      failure = error;
    }
    if (Date.now() > end) throw failure ?? new Error(`did not come true within ${deadline} ms: ${condition}`);
    await delay(5);
  }
}
