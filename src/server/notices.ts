import type { Logger } from 'pino';
import type { EngineNotice } from '../kernel/watch.ts';

/** Writes into the log what an operator should know of the engine. Others' statements may hold personal data: they stay out. */
export function logNotice(logger: Logger): (notice: EngineNotice) => void {
  return (notice) => {
    if (notice.kind === 'lag') {
      const { projection, from, to, lag, lagMs } = notice.change;
      const level = to === 'CRITICAL' || to === 'EMERGENCY' ? 'warn' : 'info';
      logger[level]({ projection, from, to, lag, lagMs: Math.round(lagMs) }, 'a read model changed its lag state');
      return;
    }
    if (notice.kind === 'moves') {
      const { taken, left } = notice;
      logger.info({ taken, left }, 'this process moves other read models than before');
      return;
    }
    const { what, since, waitingFor, event, blockers, sentence } = notice.stall;
    const facts = { what, since, waitingFor, event, blockers: blockers.map(({ query: _, ...blocker }) => blocker) };
    if (notice.isOver) logger.info({ what, since, waitingFor }, 'what stood still goes on');
    else logger.warn(facts, sentence);
  };
}
