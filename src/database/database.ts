import { fitConnections } from './checks/connection-budget.ts';
import type { Database, Pool, PoolOptions, PoolRole } from './client.ts';
import { type Migrated, migrateDatabase } from './migrations/migrate.ts';
import { type DatabaseObserver, unobservedDatabase } from './occurrences.ts';
import { type CheckedReplica, openReplica } from './replica.ts';
import { grantRights, type RoleOptions } from './roles/ensure-roles.ts';
import type { Part } from './roles/names.ts';
import { PartPools } from './roles/part-pools.ts';
import { notificationKeyOf, passwordIn } from './roles/passwords.ts';
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
  /** Whose database it is; undefined if the application has no database for each tenant. */
  readonly tenant?: string | undefined;
  /** Users and secrets for the parts. */
  readonly roles?: RoleOptions | undefined;
  readonly observer?: DatabaseObserver | undefined;
}

/** The pools of the database; each connection has the role of its part. */
export interface AfterwriteDatabase {
  /** The tenant whose rows are all that can be seen and written here; undefined if the database has no tenants. */
  readonly tenant: string | undefined;
  /** A session for listening and notifying, with a role that may do nothing else, and the channel of this store. */
  readonly wakeUp: Pick<SessionOptions, 'url' | 'login'> & { readonly channel: string };
  /**
   * The key of hashes in notifications, the same on every server with the same secret of roles. Undefined if there is no
   * such secret.
   */
  readonly notificationKey: Buffer | undefined;
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
export const ANSWER_WITHIN_MS = 5000;
/** The channel on which the instances of a store notify each other. */
const CHANNEL = 'afterwrite_appended';
/** Connections of each pool: some to work with, and one to check or read ahead at the same time. */
export const DEDICATED_CONNECTIONS = 3;

/**
 * Migrates and opens a database.
 * @throws {DatabaseError} with one line that says what is wrong.
 */
export async function openDatabase(options: DatabaseOptions): Promise<AfterwriteDatabase> {
  const { url, readUrl, connections, observer = unobservedDatabase } = options;
  const pools = new PartPools({ url, connections, optionsOf: (part) => optionsOf(part, options) });
  try {
    const migrated = await migrateDatabase(url, {
      observer,
      roles: options.roles,
      appMigrations: options.appMigrations,
      tenant: options.tenant,
      tryLogin: (part, login, allowance) => pools.tryLogin(part, login, allowance),
    });
    const { notice } = fitConnections(connections, migrated.allowance);
    if (notice !== undefined) observer.tell('databaseNoticed', { message: notice });
    const replica = readUrl === undefined ? undefined : await openReplica(readUrl, migrated, observer);
    const secret = options.roles?.secret ?? passwordIn(url);
    const notificationKey = secret === undefined ? undefined : await notificationKeyOf(migrated.epoch, secret);
    return { ...openPools(pools, migrated, options, replica), notificationKey };
  } finally {
    await pools.closeRest();
  }
}

function openPools(
  pools: PartPools,
  { epoch, roles, isNewer, allowance }: Migrated,
  { url, readUrl = url, connections }: DatabaseOptions,
  replica: CheckedReplica | undefined,
): Omit<AfterwriteDatabase, 'notificationKey'> {
  const writer = pools.open('writer', roles.writer, allowance);
  const projector = pools.open('projector', roles.projector, allowance);
  const leases = pools.openBeside('projector', roles.projector, {
    connections: 1,
    applicationName: 'afterwrite leases',
    answerWithinMs: ANSWER_WITHIN_MS,
  });
  const reader = replica
    ? pools.openBeside('reader', replica.access, {
        ...{ url: readUrl, kind: 'any' },
        connections: fitConnections(connections, allowance).connections.reader,
      })
    : pools.open('reader', roles.reader, allowance);
  const owner = pools.open('owner', roles.owner, allowance);
  const watch = pools.openBeside('owner', roles.owner, {
    // Two, so that a silent connection does not delay the next check.
    connections: 2,
    applicationName: 'afterwrite watch',
    // The caller has given up by then.
    settings: { statement_timeout: '3000' },
    answerWithinMs: ANSWER_WITHIN_MS,
  });
  const dedicated = { connections: DEDICATED_CONNECTIONS, applicationName: 'afterwrite rebuild' };
  return {
    tenant: undefined,
    wakeUp: { url, login: roles.reader.login, channel: CHANNEL },
    ...{ epoch, writer, projector, reader, leases, owner, watch },
    replica: replica?.pool,
    openDedicated: () => ({
      projector: pools.openBeside('projector', roles.projector, dedicated),
      owner: pools.openBeside('owner', roles.owner, {
        ...dedicated,
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

/** What the connections of a part differ in from others. */
export function optionsOf(part: Part, { readUrl, readStatementTimeoutMs = 0 }: DatabaseOptions): Partial<PoolOptions> {
  switch (part) {
    case 'projector':
      return {
        pipelining: false,
        settings: {
          // Rows and checkpoint are one transaction: whatever a crash of the server loses is folded again from the log.
          // With a replica, commits are flushed locally at once: a replica only receives what is on the primary's disk, and
          // its readers would wait for the next WAL flush.
          synchronous_commit: readUrl === undefined ? 'off' : 'local',
          // Rows are looked up by key. Without this, a plan made while a table was small would scan it for as long as the
          // plan is cached.
          enable_seqscan: 'off',
          // A process that is paused in the middle of a transaction holds its locks, and nobody could take over its
          // projections.
          idle_in_transaction_session_timeout: '2000',
        },
      };
    case 'reader':
      return {
        cancellable: true,
        kind: 'primary',
        settings: { default_transaction_read_only: 'on', statement_timeout: String(readStatementTimeoutMs) },
        ...(readStatementTimeoutMs > 0 ? { answerWithinMs: readStatementTimeoutMs + ANSWER_WITHIN_MS } : {}),
      };
    default:
      return {};
  }
}
