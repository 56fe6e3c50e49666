import { once } from 'node:events';
import { Command } from 'commander';
import { createEngine } from '../kernel/engine.ts';
import { keyringOf } from '../kernel/privacy/open-keyring.ts';
import { signingOf } from '../server/audit/signing.ts';
import { createLogger } from '../server/operations/logger.ts';
import { observeServer } from '../server/operations/observe.ts';
import { stopInOrder } from '../server/shutdown.ts';
import { engineOptions } from '../settings/engine-options.ts';
import type { Cli, CommandFactory } from './cli.ts';
import { openStore, withPostgres } from './context.ts';
import { InterruptedError } from './errors.ts';

/** `projector`: a worker that projects until it is stopped. */
export const projectorCommand: CommandFactory = (cli) =>
  new Command('projector')
    .description('run read models and processes without serving requests: a worker beside servers')
    .addHelpText(
      'after',
      `
Takes its share of the read models, their rebuilds, the processes and the external calls, like each server with PROJECTOR=on.
Logs like a server. On SIGTERM, SIGINT or SIGHUP it finishes its current batches and ends with 0. Any number of workers may run.`,
    )
    .action(() => work(cli));

async function work(cli: Cli): Promise<void> {
  try {
    await withPostgres(cli, async (context) => {
      const { config, url, tenant } = context;
      const signing = signingOf(config, tenant);
      const logger = createLogger(config);
      const observer = observeServer(logger);
      const keyring = await keyringOf(config, cli.app, tenant);
      // If there is a replica, projections write their commits to the WAL at once: see `synchronous_commit` in
      // docs/operations.md.
      const { readDatabaseUrl: readUrl } = config;
      const database = await openStore(cli, context, observer, { readUrl });
      const adapters = await cli.app
        .adapters({ config, databaseUrl: url, tenant, log: logger })
        .catch(async (error) => {
          await database.close(1000);
          throw error;
        });
      const engine = createEngine({
        ...{ database, keyring },
        domains: cli.app.domains,
        ...engineOptions(config),
        projector: 'active',
        signing,
        adapters: adapters.adapters,
        observer,
      });
      try {
        cli.signal.throwIfAborted();
        await engine.start();
        logger.info('keeping read models');
        if (!cli.signal.aborted) await once(cli.signal, 'abort');
        logger.info({ reason: String(cli.signal.reason?.message ?? '') }, 'stopping; once more to stop at once');
      } finally {
        const steps = [
          ['stop processes', () => engine.drain()],
          ['stop projections', () => engine.stop()],
          ['release the adapters', () => adapters.release()],
          ['close the database', () => database.close(1000)],
        ] as const;
        const status = () => ({ head: engine.projector.head.position });
        await stopInOrder(steps, { timeoutMs: config.shutdownTimeoutMs, logger, status });
      }
    });
  } catch (error) {
    // Every worker is interrupted sooner or later: this is not a failure.
    if (!(error instanceof InterruptedError)) throw error;
  }
}
