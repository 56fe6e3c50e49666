import type { Logger } from 'pino';
import { rootOf } from '../../database/errors.ts';
import { isTransient } from '../../database/transient.ts';
import type { EngineSubscriber, FaultMet } from '../../kernel/observe/observer.ts';

/** Minimum time between two lines about the same fault, in ms. */
const QUIET_MS = 10_000;

interface Report {
  readonly at: number;
  /** Occurrences since then that were not logged. */
  unsaid: number;
}

/**
 * Logs faults that the engine handles by itself. While the database is away, every part meets the same fault several
 * times a second: it is logged once, and again every 10 seconds with the number of occurrences in between (`unsaid`). A
 * fault that is not caused by the database is always logged.
 */
export function logEngineFaults(
  logger: Logger,
  now = () => performance.now(),
): Required<Pick<EngineSubscriber, 'faultMet'>> {
  /** By part, projection and code: the code fixes their number. */
  const known = new Map<string, Report>();
  const faultMet = ({ error: err, context }: FaultMet) => {
    if (!isTransient(err)) {
      logger.error({ err, ...context }, MESSAGE);
      return;
    }
    const key = [context.part, context.projection, rootOf(err).code].join();
    const said = known.get(key);
    const at = now();
    if (said && at - said.at < QUIET_MS) {
      said.unsaid++;
      return;
    }
    known.set(key, { at, unsaid: 0 });
    logger.error({ err, ...context, ...(said && said.unsaid > 0 ? { unsaid: said.unsaid } : {}) }, MESSAGE);
  };
  return { faultMet };
}

const MESSAGE = 'the engine met a fault and goes on';
