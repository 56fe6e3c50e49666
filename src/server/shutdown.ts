import type { Logger } from 'pino';
import { within } from '../scheduling/timers.ts';
import type { Listeners } from './listeners.ts';
import type { ServedStore } from './served-store.ts';
import type { Stores } from './stores.ts';

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

/** What a server has to end. */
export interface RunningParts {
  readonly refuseWork: () => void;
  readonly stores: Stores;
  readonly closeSockets: () => Promise<void>;
  readonly listeners: Listeners;
  readonly postgres: { release(): Promise<void> };
}

/** The order in which nothing that was accepted is lost. */
export function shutdownSteps({
  refuseWork,
  stores,
  closeSockets,
  listeners,
  postgres,
}: RunningParts): readonly ShutdownStep[] {
  const inEach = (work: (store: ServedStore) => unknown) => Promise.all([...stores.values()].map(work));
  return [
    ['refuse new work', refuseWork],
    ['finish commands', () => stores.stopOpening().then(() => inEach(({ engine }) => engine.drain()))],
    ['end streams', () => Promise.all([inEach(({ api }) => api.eventStreams.end()), closeSockets()])],
    ['close connections', () => listeners.close()],
    ['stop projections', () => inEach(({ engine }) => engine.stop())],
    ['release the adapters', () => inEach((store) => store.releaseAdapters())],
    ['close the database', () => inEach((store) => store.closeDatabase()).then(() => stores.close())],
    ['leave Postgres', () => postgres.release()],
    ['close OPS_PORT', () => listeners.closeOperations()],
  ];
}
