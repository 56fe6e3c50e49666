import { ConfigError, readConfig } from './config.ts';
import { EmbeddedPostgresError } from './database/embedded/server.ts';
import { DatabaseError } from './database/errors.ts';
import { domains } from './domains/index.ts';
import { startApp } from './server/app.ts';
import { ListenError } from './server/http/http.ts';
import { onLauncherGone } from './server/launcher.ts';
import { createLogger } from './server/operations/logger.ts';
import { providePayments } from './shop/payments/provide.ts';
import { withoutCredentials } from './text/credentials.ts';

/** A second signal within this time is the same one, forwarded on another way, in ms. */
const SAME_SIGNAL_MS = 1000;

try {
  const config = readConfig(process.env);
  const logger = createLogger(config);
  const starting = startApp(config, domains, logger, providePayments);
  let signalledAt: number | undefined;
  const stop = (reason: string) => {
    if (signalledAt !== undefined) {
      if (performance.now() - signalledAt > SAME_SIGNAL_MS) process.exit(1);
      return;
    }
    signalledAt = performance.now();
    logger.info({ reason }, 'stopping; once more to stop at once');
    // A start may wait long, for another server's migration for example. Until it has ended, nothing was accepted that
    // could be lost.
    const tooLate = setTimeout(() => {
      logger.warn('the start did not end in time and is cut off');
      process.exit(1);
    }, config.shutdownTimeoutMs);
    starting.then(
      (app) => {
        clearTimeout(tooLate);
        return app.stop().finally(() => process.exit(0));
      },
      () => process.exit(1),
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(signal));
  onLauncherGone(() => stop('the launcher is gone'));
  const app = await starting;
  logger.info(`GraphQL API: ${app.url}/graphql`);
  if (app.opsUrl) logger.info(`Operations:  ${app.opsUrl}/readyz, /metrics`);
  if (config.graphiql) logger.info(`GraphiQL:    ${app.url}/graphql (open it in a browser)`);
} catch (error) {
  const expected = [ConfigError, ListenError, DatabaseError, EmbeddedPostgresError];
  const isExpected = expected.some((kind) => error instanceof kind);
  console.error(isExpected ? withoutCredentials((error as Error).message) : error);
  process.exit(1);
}
