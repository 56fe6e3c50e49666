import type { Logger } from 'pino';
import type { ServerSubscriber } from './occurrences.ts';

/**
 * Logs what an operator should know about a server. Statements of others may contain personal data, so they are left
 * out.
 */
export function logNotices(logger: Logger): ServerSubscriber {
  return {
    databaseNoticed: ({ message }) => logger.warn(message),
    socketBroke: ({ error: err, correlationId }) => logger.info({ err, correlationId }, 'a WebSocket connection broke'),
    originRefused: ({ origin }) =>
      logger.warn({ origin }, 'pages of this origin may not call the server: name it in CORS_ORIGINS to allow them'),
    sharedCountsLost: ({ error: err }) =>
      logger.warn({ err }, 'the Redis of LIMITS_REDIS_URL does not answer: this server counts its own rates meanwhile'),
    sharedCountsFound: () => logger.info('rates are counted in the Redis of LIMITS_REDIS_URL'),
    postgresStepBegun: ({ step }) => logger.info(step),
    lagChanged: ({ projection, from, to, lag, lagMs }) => {
      const level = to === 'CRITICAL' || to === 'EMERGENCY' ? 'warn' : 'info';
      logger[level]({ projection, from, to, lag, lagMs: Math.round(lagMs) }, 'a read model changed its lag state');
    },
    leasesChanged: ({ taken, left }) => {
      logger.info({ taken, left }, 'this process runs other read models than before');
    },
    obstacleChanged: ({ obstacle: { kind, reason }, isOver }) => {
      if (isOver) logger.info({ obstacle: kind }, `commands are taken again; it is over: ${reason}`);
      else logger.error({ obstacle: kind }, `no command is taken: ${reason}`);
    },
    clockSkewed: ({ skewMs }) => {
      const message =
        Math.abs(skewMs) < 1000
          ? "this machine's clock and Postgres' agree again"
          : `this machine's clock is ${inSeconds(skewMs)} ${skewMs > 0 ? 'ahead of' : 'behind'} Postgres': let both follow one time server`;
      logger[Math.abs(skewMs) < 1000 ? 'info' : 'warn']({ skewMs: Math.round(skewMs) }, message);
    },
    clockStepped: ({ stepMs }) => {
      const message = `Postgres' clock was set ${stepMs > 0 ? 'forward' : 'back'} by ${inSeconds(stepMs)}, or one of the two machines slept`;
      logger[Math.abs(stepMs) < 1000 ? 'info' : 'warn']({ stepMs: Math.round(stepMs) }, message);
    },
    foldChanged: ({ projection, version, isRebuilt, message }) => {
      if (isRebuilt)
        logger.info({ projection, version }, 'the handlers of a read model have changed: it is filled again');
      else logger.warn({ projection, version }, message);
    },
    stallChanged: ({ stall: { what, since, waitingFor, event, blockers, message }, isOver }) => {
      const facts = { what, since, waitingFor, event, blockers: blockers.map(({ query: _, ...blocker }) => blocker) };
      if (isOver) logger.info({ what, since, waitingFor }, 'a stall is over');
      else logger.warn(facts, message);
    },
  };
}

function inSeconds(ms: number): string {
  return `${(Math.abs(ms) / 1000).toFixed(1)} s`;
}
