import type { Logger } from 'pino';
import { rootOf } from '../../database/errors.ts';
import { isTransient } from '../../database/transient.ts';

/** How long the same is not said again, in ms. */
const QUIET_MS = 10_000;

interface Said {
  readonly at: number;
  /** How often it was met since and not said. */
  unsaid: number;
}

/**
 * Writes into the log what the engine deals with by itself. While the database is away every part meets the same several times a
 * second: that is said once, and every 10 seconds again with how often it was met in between (`unsaid`). A fault that is not the
 * database's is always said.
 */
export function logEngineFaults(
  logger: Logger,
): (error: unknown, context: Readonly<Record<string, unknown>>, now?: number) => void {
  /** By part, projection and code: as many as the code has. */
  const known = new Map<string, Said>();
  return (err, context, now = performance.now()) => {
    if (!isTransient(err)) {
      logger.error({ err, ...context }, MESSAGE);
      return;
    }
    const key = [context.part, context.projection, rootOf(err).code].join();
    const said = known.get(key);
    if (said && now - said.at < QUIET_MS) {
      said.unsaid++;
      return;
    }
    known.set(key, { at: now, unsaid: 0 });
    logger.error({ err, ...context, ...(said && said.unsaid > 0 ? { unsaid: said.unsaid } : {}) }, MESSAGE);
  };
}

const MESSAGE = 'the engine met a fault and goes on';
