import type { Logger } from 'pino';
import { rootOf } from '../../database/errors.ts';
import { isTransient } from '../../database/transient.ts';
import type { ServerSubscriber } from './occurrences.ts';

/** Minimum time between two lines about the same fault, in ms. */
const QUIET_MS = 10_000;

interface Report {
  readonly at: number;
  /** Occurrences since then that were not logged. */
  unsaid: number;
}

/**
 * Logs faults. While the database is away, every part of the engine and every open subscription meets the same fault several
 * times a second: it is logged once, and again every 10 seconds with the number of occurrences in between (`unsaid`). A
 * fault that is not caused by the database is always logged, and so is each request that failed.
 */
export function logFaults(
  logger: Logger,
  now = () => performance.now(),
): Required<Pick<ServerSubscriber, 'faultMet' | 'updateDelayed' | 'requestFailed' | 'transportFailed'>> {
  /** By message, part, projection and code: the code fixes their number. */
  const known = new Map<string, Report>();
  const log = (message: string, err: unknown, context: Readonly<Record<string, unknown>>) => {
    if (!isTransient(err)) {
      logger.error({ err, ...context }, message);
      return;
    }
    const key = [message, context.part, context.projection, rootOf(err).code].join();
    const said = known.get(key);
    const at = now();
    if (said && at - said.at < QUIET_MS) {
      said.unsaid++;
      return;
    }
    known.set(key, { at, unsaid: 0 });
    logger.error({ err, ...context, ...(said && said.unsaid > 0 ? { unsaid: said.unsaid } : {}) }, message);
  };
  return {
    faultMet: ({ error, context }) => log('the engine met a fault and goes on', error, context),
    updateDelayed: ({ error, context }) => log('a subscription could not be told of a change yet', error, context),
    requestFailed: ({ error: err, correlationId }) => logger.error({ err, correlationId }, 'a request failed'),
    transportFailed: ({ step, error: err, correlationId }) =>
      logger.error({ err, correlationId, step }, 'something could not be done for a client'),
  };
}
