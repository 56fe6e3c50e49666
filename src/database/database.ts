import { openPool, type Pool, type PoolOptions, type PoolRole } from './client.ts';
import { migrateDatabase } from './migrate.ts';
import { openReplica } from './replica.ts';

export interface DatabaseOptions {
  readonly url: string;
  /** Where queries read instead: a replica of it. */
  readonly readUrl?: string | undefined;
  /** Connections at most of each pool. */
  readonly connections: Readonly<Record<PoolRole, number>>;
  /** Told what an operator should know, a line each. */
  readonly onNotice: (line: string) => void;
}

/** The three ways into the database; each connection has the role of its part. */
export interface AfterwriteDatabase {
  readonly url: string;
  /** Which history this is. */
  readonly epoch: string;
  readonly writer: Pool;
  readonly projector: Pool;
  readonly reader: Pool;
  /** One connection as the URL's user, for what no part's role may do: making tables, looking at what others' statements do. */
  readonly owner: Pool;
  /** One connection to the server that `reader` reads from, as its URL's user, to know what it shows; undefined where it is this one. */
  readonly replica: Pool | undefined;
  close(timeoutMs?: number): Promise<void>;
}

/**
 * Migrates and opens a database.
 * @throws {DatabaseError} with one line that says what is wrong.
 */
export async function openDatabase(options: DatabaseOptions): Promise<AfterwriteDatabase> {
  const { url, readUrl, connections, onNotice } = options;
  const migrated = await migrateDatabase(url, onNotice);
  const { epoch, roles } = migrated;
  const replica = readUrl === undefined ? undefined : await openReplica(readUrl, migrated, onNotice);
  const open = (role: PoolRole, more: Partial<PoolOptions> = {}) =>
    openPool({
      url,
      connections: connections[role],
      applicationName: `afterwrite ${role}`,
      role: roles[role],
      ...more,
    });
  const writer = open('writer');
  const projector = open('projector', {
    settings: {
      // Rows and checkpoint are one transaction: what a crash of the server takes back is folded again from the log. A
      // replica gets nothing that is not on the primary's disk: reads there would wait for the next time that Postgres writes.
      synchronous_commit: replica ? 'local' : 'off',
      // It looks rows up by their keys. A plan made while a table was small would read it whole for as long as it is cached.
      enable_seqscan: 'off',
    },
  });
  const reader = replica && readUrl ? open('reader', { url: readUrl, role: replica.role }) : open('reader');
  const owner = openPool({ url, connections: 1, applicationName: 'afterwrite owner' });
  return {
    url,
    epoch,
    writer,
    projector,
    reader,
    owner,
    replica: replica?.pool,
    close: async (timeoutMs) => {
      await Promise.all([writer, projector, reader, owner, replica?.pool].map((pool) => pool?.close(timeoutMs)));
    },
  };
}
