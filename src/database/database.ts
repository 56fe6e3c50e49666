import { openPool, type Pool, type PoolOptions, type PoolRole } from './client.ts';
import { fitConnections } from './connection-budget.ts';
import { migrateDatabase } from './migrate.ts';
import { openReplica } from './replica.ts';
import type { Access, RoleOptions } from './roles/ensure-roles.ts';
import type { Session } from './session.ts';

export interface DatabaseOptions {
  readonly url: string;
  /** Where queries read instead: a replica of it. */
  readonly readUrl?: string | undefined;
  /** Connections at most of each pool. */
  readonly connections: Readonly<Record<PoolRole, number>>;
  /** Longest time of a statement of the reader, in ms; unlimited unless told. */
  readonly readStatementTimeoutMs?: number | undefined;
  /** Users and secrets for the parts. */
  readonly roles?: RoleOptions | undefined;
  /** Told what an operator should know, a line each. */
  readonly onNotice: (line: string) => void;
}

/** The three ways into the database; each connection has the role of its part. */
export interface AfterwriteDatabase {
  /** How to listen and to notify, as somebody who may do nothing else. */
  readonly wakeUp: Pick<Session, 'url' | 'login'>;
  /** Which history this is. */
  readonly epoch: string;
  readonly writer: Pool;
  readonly projector: Pool;
  readonly reader: Pool;
  /** One connection with the projector's role, so that leases are kept while all of the projector's stand still. */
  readonly leases: Pool;
  /** One connection as the tables' owner, for what no part may do: making tables. */
  readonly owner: Pool;
  /** Two connections as the tables' owner for short looks, at whether Postgres answers and what others' statements do, while all others wait. */
  readonly watch: Pool;
  /** One connection to the server that `reader` reads from, as its URL's user, to know what it shows; undefined where it is this one. */
  readonly replica: Pool | undefined;
  /** More connections of these kinds, for work that takes long and must not take those of others; its caller closes them. */
  openAside(): PoolsAside;
  close(timeoutMs?: number): Promise<void>;
}

/** Pools for one piece of work. */
export interface PoolsAside {
  readonly projector: Pool;
  readonly owner: Pool;
}

/** In which what takes moments is answered, or never, in ms. */
const ANSWER_WITHIN_MS = 5000;
/** Connections of each: some to work with, and one to look or to read ahead meanwhile. */
const ASIDE = 3;

/**
 * Migrates and opens a database.
 * @throws {DatabaseError} with one line that says what is wrong.
 */
export async function openDatabase(options: DatabaseOptions): Promise<AfterwriteDatabase> {
  const { url, readUrl, onNotice } = options;
  const migrated = await migrateDatabase(url, onNotice, { roles: options.roles });
  const { epoch, roles } = migrated;
  const { connections, notice } = fitConnections(options.connections, migrated.allowance);
  if (notice !== undefined) onNotice(notice);
  const replica = readUrl === undefined ? undefined : await openReplica(readUrl, migrated, onNotice);
  /** A pool as somebody; what it sets beside that is its own. */
  const openAs = ({ login, role }: Access, pool: Omit<PoolOptions, 'url'> & { url?: string }) =>
    openPool({ url, login, ...pool, settings: { ...pool.settings, ...(role === undefined ? {} : { role }) } });
  const open = (part: PoolRole, pool: Partial<PoolOptions> = {}, access = roles[part]) =>
    openAs(access, { connections: connections[part], applicationName: `afterwrite ${part}`, ...pool });
  const writer = open('writer');
  const projecting = {
    pipelining: false,
    settings: {
      // Rows and checkpoint are one transaction: what a crash of the server takes back is folded again from the log. A
      // replica gets nothing that is not on the primary's disk: reads there would wait for the next time that Postgres writes.
      synchronous_commit: replica ? 'local' : 'off',
      // It looks rows up by their keys. A plan made while a table was small would read it whole for as long as it is cached.
      enable_seqscan: 'off',
      // A process that was paused in the midst of a transaction holds its locks: nobody could take its projections over.
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
    // One that has gone silent does not keep the next look waiting.
    connections: 2,
    applicationName: 'afterwrite watch',
    // Whoever asked has given up by then.
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
    openAside: () => ({
      projector: open('projector', { ...projecting, connections: ASIDE, applicationName: 'afterwrite rebuild' }),
      owner: openAs(roles.owner, {
        connections: ASIDE,
        applicationName: 'afterwrite rebuild',
        // Whoever is paused in the midst of a swap would keep the live table from being written to.
        settings: { idle_in_transaction_session_timeout: '5000' },
      }),
    }),
    close: async (timeoutMs) => {
      await Promise.all(
        [writer, projector, reader, leases, owner, watch, replica?.pool].map((pool) => pool?.close(timeoutMs)),
      );
    },
  };
}
