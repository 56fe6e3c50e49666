import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { LoopBlock } from './loop-watch.ts';

/** Minimum time between two lines, in ms: repeated blocks must not fill the log. */
const PAUSE_MS = 1000;

/** Logs what has blocked the event loop, without values of variables and texts of documents. */
export function logBlocks(logger: Logger): (block: LoopBlock) => void {
  let loggedAt = Number.NEGATIVE_INFINITY;
  let unsaid = 0;
  return ({ ms, phase }) => {
    const now = performance.now();
    if (now - loggedAt < PAUSE_MS) {
      unsaid++;
      return;
    }
    loggedAt = now;
    const facts = phase && {
      phase: phase.name,
      operation: phase.operationName,
      kind: phase.kind,
      document: phase.document && createHash('sha256').update(phase.document).digest('hex'),
      actor: phase.actor?.id,
      correlationId: phase.correlationId,
    };
    logger.warn({ ms: Math.round(ms), ...facts, ...(unsaid > 0 ? { unsaid } : {}) }, 'the event loop was blocked');
    unsaid = 0;
  };
}
