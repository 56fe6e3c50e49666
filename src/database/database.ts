import { openPool, type Pool, type PoolRole } from './client.ts';
import { migrateDatabase } from './migrate.ts';

export interface DatabaseOptions {
  readonly url: string;
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
  close(timeoutMs?: number): Promise<void>;
}

/**
 * Migrates and opens a database.
 * @throws {DatabaseError} with one line that says what is wrong.
 */
export async function openDatabase({ url, connections, onNotice }: DatabaseOptions): Promise<AfterwriteDatabase> {
  const { epoch, roles } = await migrateDatabase(url, onNotice);
  const open = (role: PoolRole, settings: Record<string, string> = {}) =>
    openPool({
      url,
      connections: connections[role],
      applicationName: `afterwrite ${role}`,
      role: roles[role],
      settings,
    });
  const writer = open('writer');
  const projector = open('projector', {
    // Rows and checkpoint are one transaction: what a crash of the server takes back is folded again from the log.
    synchronous_commit: 'off',
    // It looks rows up by their keys. A plan made while a table was small would read it whole for as long as it is cached.
    enable_seqscan: 'off',
  });
  const reader = open('reader');
  const owner = openPool({ url, connections: 1, applicationName: 'afterwrite owner' });
  return {
    url,
    epoch,
    writer,
    projector,
    reader,
    owner,
    close: async (timeoutMs) => {
      await Promise.all([writer, projector, reader, owner].map((pool) => pool.close(timeoutMs)));
    },
  };
}
