import { EmbeddedPostgresError } from '../database/embedded/server.ts';
import { DatabaseError } from '../database/errors.ts';
import type { App } from '../definition/app.ts';
import { DocumentsError } from '../graphql/documents/read-documents.ts';
import { DefinitionError } from '../kernel/define/definition-error.ts';
import { KeyringError } from '../kernel/privacy/keyring.ts';
import { ReadTableError } from '../kernel/read/tables/table-ddl.ts';
import { later } from '../scheduling/timers.ts';
import { ConfigError, readConfig } from '../settings/config.ts';
import { withoutCredentials } from '../text/credentials.ts';
import { ListenError } from './http/http.ts';
import { onLauncherGone } from './launcher.ts';
import { createLogger } from './operations/logger.ts';

/** Errors that say in one sentence why an application cannot be served. */
const EXPECTED = [
  ...[ConfigError, DefinitionError, DocumentsError, KeyringError, ListenError],
  ...[DatabaseError, EmbeddedPostgresError, ReadTableError],
];

/** A line with code and sentence, or the whole error if it is a fault. */
function complaintAbout(error: unknown): unknown {
  const kind = EXPECTED.find((each) => error instanceof each);
  if (!kind) return error;
  const { code, message } = error as InstanceType<typeof kind>;
  return `Error ${code}: ${withoutCredentials(message)}`;
}

/** A second signal within this time is the same one, forwarded on another way, in ms. */
const SAME_SIGNAL_MS = 1000;

/**
 * Serves an application in this process: with the settings of the environment, until SIGINT, SIGTERM or SIGHUP. Then it stops
 * in an order in which nothing that was accepted is lost, and exits with 0. If it cannot start, one line says why, and it
 * exits with 1.
 */
export async function serve(app: App): Promise<void> {
  try {
    const config = readConfig(process.env, app.settings);
    const logger = createLogger(config);
    // Commands import this file's face too and serve nobody: they need not load the whole server.
    const { startServer } = await import('./server.ts');
    const starting = startServer(app, config, logger);
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
      const tooLate = later(config.shutdownTimeoutMs, () => {
        logger.warn('the start did not end in time and is cut off');
        process.exit(1);
      });
      starting.then(
        (server) => {
          tooLate.cancel();
          return server.stop().finally(() => process.exit(0));
        },
        () => process.exit(1),
      );
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(signal));
    onLauncherGone(() => stop('the launcher is gone'));
    const server = await starting;
    logger.info(`GraphQL API: ${server.url}/graphql`);
    if (server.opsUrl) logger.info(`Operations:  ${server.opsUrl}/readyz, /metrics`);
    if (config.graphiql) logger.info(`GraphiQL:    ${server.url}/graphql (open it in a browser)`);
  } catch (error) {
    console.error(complaintAbout(error));
    process.exit(1);
  }
}
