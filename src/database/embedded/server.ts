import { existsSync } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { type DatabaseObserver, unobservedDatabase } from '../occurrences.ts';
import { connect } from '../session.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import { clusterExists, clusterFolder, createCluster, NAME, readPassword, removeHalfMade } from './cluster.ts';
import { dataDirError, EmbeddedPostgresError, errorCode } from './errors.ts';
import { withLock } from './lock.ts';
import { PostgresLog } from './postgres-log.ts';
import { awaitReady, findPostmaster, type Postmaster, startPostmaster, stopPostmaster } from './postmaster.ts';
import { prepareAccess, type RootWay } from './privileges.ts';
import { ProcessRegistry } from './process-registry.ts';

export { EmbeddedPostgresError, type EmbeddedPostgresErrorCode } from './errors.ts';

/** A start may create a cluster on a slow disk, or replay a long log. */
const LOCK_PATIENCE_MS = 12 * 60_000;

/** Where the embedded Postgres is and how it runs. */
export interface EmbeddedOptions {
  /**
   * Folder that holds (or will hold) the cluster; created with mode 0700 if missing. The cluster itself is in
   * <dataDir>/postgres. Only processes of one machine (one container) may use it at a time.
   */
  dataDir: string;
  /**
   * Postgres settings that override ours, e.g. { fsync: 'off' } in tests. They apply only if this process starts the
   * server.
   */
  settings?: Record<string, string>;
  /** Told of the steps that may take a while. */
  observer?: DatabaseObserver;
}

/** A running Postgres that this process uses. */
export interface EmbeddedPostgres {
  /** postgres://user:password@127.0.0.1:port/afterwrite, as superuser of the whole cluster. */
  url: string;
  /** True if the server was already running: another process of ours uses it, or one that was killed left it. */
  adopted: boolean;
  /**
   * Releases it: the last living process that uses the folder stops Postgres and waits until it is gone. Idempotent.
   * @throws EmbeddedPostgresError `stop_failed` or `locked`.
   */
  release(): Promise<void>;
}

/** Parameters for tests. */
export interface EmbeddedInternals {
  /** The ways that root may use; all by default. */
  rootWays?: readonly RootWay[];
  /** Milliseconds to wait for the processes that a killed Postgres left. */
  orphanPatience?: number;
}

/**
 * Starts Postgres on a folder of our own, or joins the one that already runs there. It keeps running if this process is
 * killed; the next start on the folder takes it over.
 * @param internals - for tests.
 * @throws EmbeddedPostgresError if it cannot; the code says why, the message what to do.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedOptions,
  internals: EmbeddedInternals = {},
): Promise<EmbeddedPostgres> {
  const toSentence = (error: unknown) => {
    throw dataDirError(error, options.dataDir);
  };
  try {
    await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
    const dataDir = await realpath(options.dataDir);
    const binaries = await findBinaries();
    const lock = join(dataDir, 'lock');
    const registry = new ProcessRegistry(join(dataDir, 'users'));
    return await withLock(lock, LOCK_PATIENCE_MS, async () => {
      const use = await registry.add();
      const giveUp = async () => {
        await registry.remove(use);
        await stopUnused(dataDir, registry);
      };
      try {
        const server = await joinOrStart(dataDir, binaries, options, internals);
        const password = await readPassword(dataDir);
        await ensureDatabase(server.port, password);
        let released: Promise<void> | undefined;
        return {
          url: `postgres://${NAME}:${password}@127.0.0.1:${server.port}/${NAME}`,
          adopted: server.adopted,
          release: () => (released ??= withLock(lock, LOCK_PATIENCE_MS, giveUp).catch(toSentence)),
        };
      } catch (error) {
        // The caller must see the first error.
        await giveUp().catch(() => undefined);
        throw error;
      }
    });
  } catch (error) {
    return toSentence(error);
  }
}

async function joinOrStart(
  dataDir: string,
  binaries: Binaries,
  options: EmbeddedOptions,
  internals: EmbeddedInternals,
): Promise<Postmaster & { adopted: boolean }> {
  const { settings = {}, observer = unobservedDatabase } = options;
  const begin = (step: string) => observer.tell('postgresStepBegun', { step });
  const { rootWays = ['namespace', 'drop'], orphanPatience = 60_000 } = internals;
  const folder = clusterFolder(dataDir);
  const running = await findPostmaster(folder);
  if (running !== undefined) {
    begin(`using the Postgres that already runs on ${folder}`);
    const server = await awaitReady(running.pid, folder);
    if (server !== undefined) return { ...server, adopted: true };
  }
  await removeHalfMade(dataDir);
  if (!(await clusterExists(dataDir, binaries.major))) {
    begin(`creating a Postgres ${binaries.major} cluster in ${folder}`);
    await createCluster(dataDir, binaries, rootWays, settings.fsync !== 'off');
  }
  const access = await prepareAccess(folder, dataDir, binaries, rootWays);
  begin(`starting Postgres ${binaries.version}`);
  const log = new PostgresLog(dataDir);
  const server = await startPostmaster({ folder, access, settings, log, orphanPatience, observer });
  return { ...server, adopted: false };
}

/** Stops the Postgres of a data folder if it still runs and nobody uses it, as after a process that was killed. */
export async function stopEmbeddedPostgres(dataDir: string): Promise<void> {
  if (!existsSync(join(clusterFolder(dataDir), 'postmaster.pid'))) return;
  const postgres = await startEmbeddedPostgres({ dataDir });
  await postgres.release();
}

async function stopUnused(dataDir: string, registry: ProcessRegistry): Promise<void> {
  if ((await registry.count()) > 0) return;
  const folder = clusterFolder(dataDir);
  const running = await findPostmaster(folder);
  if (running !== undefined) await stopPostmaster(running.pid, folder);
}

async function ensureDatabase(port: number, password: string): Promise<void> {
  const url = `postgres://${NAME}:${password}@127.0.0.1:${port}/postgres`;
  // The cluster may be a standby of another: then it already has the database.
  const sql = connect({ url, applicationName: 'afterwrite start', kind: 'any' }, { max: 1, connect_timeout: 30 });
  try {
    const found = await sql`select 1 from pg_database where datname = ${NAME}`;
    if (found.length === 0) await sql`create database ${sql(NAME)}`;
  } catch (error) {
    const wrong = errorCode(error) === '28P01';
    throw new EmbeddedPostgresError(
      wrong ? 'password_wrong' : 'start_failed',
      wrong
        ? 'The password file in the data folder is not that of its database: restore the file that belongs to it.'
        : `Postgres started, but can not be used: ${error instanceof Error ? error.message : String(error)}.`,
      { cause: error },
    );
  } finally {
    await sql.end({ timeout: 5 });
  }
}
