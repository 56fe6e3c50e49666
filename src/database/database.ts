import { fitConnections } from './checks/connection-budget.ts';
import { type Database, openPool, type Pool, type PoolOptions, type PoolRole } from './client.ts';
import { migrateDatabase } from './migrations/migrate.ts';
import { type DatabaseObserver, unobservedDatabase } from './occurrences.ts';
import { openReplica } from './replica.ts';
import { type Access, grantRights, type RoleOptions } from './roles/ensure-roles.ts';
import type { SessionOptions } from './session.ts';

export interface DatabaseOptions {
  readonly url: string;
  /** A replica from which queries read instead. */
  readonly readUrl?: string | undefined;
  /** Most connections of each pool. */
  readonly connections: Readonly<Record<PoolRole, number>>;
  /** Longest time of a statement of the reader, in ms; unlimited by default. */
  readonly readStatementTimeoutMs?: number | undefined;
  /** Folder of the application's own migrations; none unless given. */
  readonly appMigrations?: URL | undefined;
  /** Users and secrets for the parts. */
  readonly roles?: RoleOptions | undefined;
  readonly observer?: DatabaseObserver | undefined;
}

/** The pools of the database; each connection has the role of its part. */
export interface AfterwriteDatabase {
  /** A session for listening and notifying, with a role that may do nothing else. */
  readonly wakeUp: Pick<SessionOptions, 'url' | 'login'>;
  /** Identifies the history of this store. */
  readonly epoch: string;
  readonly writer: Pool;
  readonly projector: Pool;
  readonly reader: Pool;
  /**
   * One connection with the projector's role, so that leases are renewed even if all connections of the projector are
   * blocked.
   */
  readonly leases: Pool;
  /** One connection as the tables' owner, for what no part may do: creating tables. */
  readonly owner: Pool;
  /**
   * Two connections as the tables' owner, for short checks while all others wait: whether Postgres answers, and what
   * blocks it.
   */
  readonly watch: Pool;
  /**
   * One connection to the server that `reader` reads from, as its URL's user, to read its checkpoints; undefined if
   * `reader` uses the primary.
   */
  readonly replica: Pool | undefined;
  /** Additional connections for long work that must not use those of other work. The caller closes them. */
  openDedicated(): DedicatedDatabasePools;
  /** Gives the parts their rights on what was made. @param tx a transaction of the `owner` pool. */
  grantRights(tx: Database): Promise<void>;
  close(timeoutMs?: number): Promise<void>;
}

/** Pools for one piece of work. */
export interface DedicatedDatabasePools {
  readonly projector: Pool;
  readonly owner: Pool;
}

/** Short statements are answered within this time, in ms, or never. */
const ANSWER_WITHIN_MS = 5000;
/** Connections of each pool: some to work with, and one to check or read ahead at the same time. */
const DEDICATED_CONNECTIONS = 3;

/**
 * Migrates and opens a database.
 * @throws {DatabaseError} with one line that says what is wrong.
 */
export async function openDatabase(options: DatabaseOptions): Promise<AfterwriteDatabase> {
  const { url, readUrl, observer = unobservedDatabase } = options;
  const migrated = await migrateDatabase(url, { roles: options.roles, appMigrations: options.appMigrations, observer });
  const { epoch, roles, isNewer } = migrated;
  const { connections, notice } = fitConnections(options.connections, migrated.allowance);
  if (notice !== undefined) observer.tell('databaseNoticed', { message: notice });
  const replica = readUrl === undefined ? undefined : await openReplica(readUrl, migrated, observer);
  /** Opens a pool with the login of a part. */
  const openAs = ({ login, role }: Access, pool: Omit<PoolOptions, 'url'> & { url?: string }) =>
    openPool({ url, login, ...pool, settings: { ...pool.settings, ...(role === undefined ? {} : { role }) } });
  const open = (part: PoolRole, pool: Partial<PoolOptions> = {}, access = roles[part]) =>
    openAs(access, { connections: connections[part], applicationName: `afterwrite ${part}`, ...pool });
  const writer = open('writer');
  const projecting = {
    pipelining: false,
    settings: {
      // Rows and checkpoint are one transaction: whatever a crash of the server loses is folded again from the log.
      // With a replica, commits are flushed locally at once: a replica only receives what is on the primary's disk, and
      // its readers would wait for the next WAL flush.
      synchronous_commit: replica ? 'local' : 'off',
      // Rows are looked up by key. Without this, a plan made while a table was small would scan it for as long as the
      // plan is cached.
      enable_seqscan: 'off',
      // A process that is paused in the middle of a transaction holds its locks, and nobody could take over its
      // projections.
      idle_in_transaction_session_timeout: '2000',
    },
  };
  const projector = open('projector', projecting);
  const leases = open('projector', {
    ...projecting,
    connections: 1,
    applicationName: 'afterwrite leases',
    answerWithinMs: ANSWER_WITHIN_MS,
  });
  const readMs = options.readStatementTimeoutMs ?? 0;
  const reading = {
    cancellable: true,
    settings: {
      default_transaction_read_only: 'on',
      statement_timeout: String(readMs),
    },
    ...(readMs > 0 ? { answerWithinMs: readMs + ANSWER_WITHIN_MS } : {}),
  };
  const reader =
    replica && readUrl
      ? open('reader', { ...reading, url: readUrl, kind: 'any' }, replica.access)
      : open('reader', { ...reading, kind: 'primary' });
  const owner = openAs(roles.owner, { connections: 1, applicationName: 'afterwrite owner' });
  const watch = openAs(roles.owner, {
    // Two, so that a silent connection does not delay the next check.
    connections: 2,
    applicationName: 'afterwrite watch',
    // The caller has given up by then.
    settings: { statement_timeout: '3000' },
    answerWithinMs: ANSWER_WITHIN_MS,
  });
  return {
    wakeUp: { url, login: roles.reader.login },
    epoch,
    writer,
    projector,
    reader,
    leases,
    owner,
    watch,
    replica: replica?.pool,
    openDedicated: () => ({
      projector: open('projector', {
        ...projecting,
        connections: DEDICATED_CONNECTIONS,
        applicationName: 'afterwrite rebuild',
      }),
      owner: openAs(roles.owner, {
        connections: DEDICATED_CONNECTIONS,
        applicationName: 'afterwrite rebuild',
        // A process that is paused in the middle of a swap would block writes to the live table.
        settings: { idle_in_transaction_session_timeout: '5000' },
      }),
    }),
    grantRights: (tx) => grantRights(tx, roles, { isNewer }),
    close: async (timeoutMs) => {
      await Promise.all(
        [writer, projector, reader, leases, owner, watch, replica?.pool].map((pool) => pool?.close(timeoutMs)),
      );
    },
  };
}
