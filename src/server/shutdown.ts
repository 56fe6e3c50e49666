import type { Logger } from 'pino';
import { within } from '../scheduling/timers.ts';

/** A step of a shutdown, which may take a while. */
export type ShutdownStep = readonly [name: string, run: () => unknown];

/**
 * Share of the time that is reserved for each later step, so that a step that hangs leaves some time for the others.
 */
const KEPT_FOR_EACH = 1 / 20;

/**
 * Runs the steps one after the other, all of them within `timeoutMs`. A step that fails or takes too long is logged,
 * and the others still run. Whatever has not ended when the time is over ends with the process.
 */
export async function stopInOrder(
  steps: readonly ShutdownStep[],
  { timeoutMs, logger, status }: { timeoutMs: number; logger: Logger; status: () => object },
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  logger.info(status(), 'shutting down');
  for (const [index, [name, run]] of steps.entries()) {
    try {
      const kept = timeoutMs * KEPT_FOR_EACH * (steps.length - index - 1);
      const left = Math.max(1, deadline - kept - performance.now());
      await within<unknown>(left, Promise.resolve(run()), () => logger.warn({ step: name }, 'did not end in time'));
    } catch (err) {
      logger.error({ err, step: name }, 'a step of the shutdown failed');
    }
  }
  logger.info('stopped');
}
