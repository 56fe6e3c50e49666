import { sql } from 'drizzle-orm';
import type { Database, PoolRole } from '../client.ts';
import { DatabaseError } from '../errors.ts';

export type Connections = Readonly<Record<PoolRole, number>>;

/** Connections besides the three pools: two for notifications, one for leases, one to create tables, two to watch. */
const OTHER_CONNECTIONS = 6;
/** Reserved for the command line, a rebuild, and adapters of the application. */
const RESERVED = 2;

/** How many connections a database allows to the server's users. */
export interface Allowance {
  /** Most connections that they may have in total. */
  readonly limit: number;
  /** Where the limit is set, in words. */
  readonly set: string;
  /** Connections that others have at the moment. */
  readonly inUse: number;
}

/**
 * Number of connections for each pool, so that the database allows all of them: as in the settings if there are enough,
 * otherwise fewer in proportion, and at least one each.
 *
 * @returns also a line for an operator if there are fewer.
 * @throws {DatabaseError} DATABASE_UNFIT if there can never be enough, with what is missing.
 */
export function fitConnections(
  wanted: Connections,
  allowance: Allowance,
): { connections: Connections; notice?: string } {
  const { limit, set, inUse } = allowance;
  const parts = Object.values(wanted);
  const sum = parts.reduce((a, b) => a + b, 0);
  const least = parts.length + OTHER_CONNECTIONS + RESERVED;
  if (limit < least) {
    throw new DatabaseError(
      'DATABASE_UNFIT',
      `The database allows ${limit} connections (${set}), and a server needs at least ${least} and wants ${sum + OTHER_CONNECTIONS + RESERVED}: ` +
        'allow more.',
    );
  }
  const free = Math.max(parts.length, limit - inUse - OTHER_CONNECTIONS - RESERVED);
  if (sum <= free) return { connections: wanted };
  const share = (count: number) => Math.max(1, Math.floor((count * free) / sum));
  const connections = {
    writer: share(wanted.writer),
    projector: share(wanted.projector),
    reader: share(wanted.reader),
  };
  const { writer, projector, reader } = connections;
  return {
    connections,
    notice:
      `The database allows ${limit} connections (${set}), of which others have ${inUse}: the pools have ${writer} for writing, ` +
      `${projector} for projecting and ${reader} for reading instead of ${wanted.writer}, ${wanted.projector} and ` +
      `${wanted.reader}. Allow more, or set WRITER_CONNECTIONS, PROJECTOR_CONNECTIONS and READER_CONNECTIONS lower.`,
  };
}

/** The connections that the database allows; the limit of the user counts only if all connections are its own. */
export async function allowanceOf(db: Database, allAsUser: boolean): Promise<Allowance> {
  const [row] = await db.execute<{
    server: number;
    database: number;
    user: number;
    inUse: number;
    inDatabase: number;
  }>(sql`
    select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
             -- From Postgres 16 on.
             - coalesce(current_setting('reserved_connections', true)::int, 0) as server,
           datconnlimit as database, (select rolconnlimit from pg_roles where rolname = current_user) as "user",
           (select count(*)::int from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()) as "inUse",
           (select count(*)::int from pg_stat_activity
            where backend_type = 'client backend' and pid <> pg_backend_pid() and datname = current_database()) as "inDatabase"
    from pg_database where datname = current_database()`);
  const { server = 0, database = -1, user = -1, inUse = 0, inDatabase = 0 } = row ?? {};
  const limits: Allowance[] = [{ limit: server, set: 'max_connections without those that are reserved', inUse }];
  if (database >= 0) limits.push({ limit: database, set: 'connection limit of the database', inUse: inDatabase });
  if (allAsUser && user >= 0) limits.push({ limit: user, set: 'connection limit of the user', inUse: 0 });
  return limits.reduce((a, b) => (a.limit - a.inUse <= b.limit - b.inUse ? a : b));
}
