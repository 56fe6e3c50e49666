import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';

type Step = readonly [name: string, run: () => unknown];

/**
 * Runs the steps one after the other. One that fails or takes too long is logged and does not keep the others from running:
 * what has not ended when the time is over is left to the end of the process.
 */
export async function stopInOrder(
  steps: readonly Step[],
  { timeoutMs, logger, status }: { timeoutMs: number; logger: Logger; status: () => object },
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  logger.info(status(), 'shutting down');
  for (const [name, run] of steps) {
    const over = new AbortController();
    try {
      // Every step gets a little, also when the ones before it took all the time.
      const left = Math.max(200, deadline - Date.now());
      const late = delay(left, 'late', { signal: over.signal }).catch(() => 'late');
      if ((await Promise.race([Promise.resolve(run()), late])) === 'late')
        logger.warn({ step: name }, 'did not end in time');
    } catch (err) {
      logger.error({ err, step: name }, 'a step of the shutdown failed');
    } finally {
      over.abort();
    }
  }
  logger.info('stopped');
}
