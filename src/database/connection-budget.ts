import { sql } from 'drizzle-orm';
import type { Database, PoolRole } from './client.ts';
import { DatabaseError } from './errors.ts';

export type Connections = Readonly<Record<PoolRole, number>>;

/** Beside the three pools: two to be woken, one for leases, one for making tables, two for looking. */
const BESIDE = 6;
/** Left for what is not the server's: the command line, a rebuild, what the application plugs in. */
const LEFT = 2;

/** What a database allows to the server's users. */
export interface Allowance {
  /** Connections that they may have together, at most. */
  readonly limit: number;
  /** Where the limit is set, in words. */
  readonly set: string;
  /** Connections that others have at the moment. */
  readonly inUse: number;
}

/**
 * How many connections each pool may have so that the database allows all of them: as the settings say if there are enough, else
 * fewer in proportion, and at least one each.
 *
 * @returns with a line for an operator if there are fewer.
 * @throws {DatabaseError} DATABASE_UNFIT if there can never be enough, with what is missing.
 */
export function fitConnections(
  wanted: Connections,
  allowance: Allowance,
): { connections: Connections; notice?: string } {
  const { limit, set, inUse } = allowance;
  const parts = Object.values(wanted);
  const sum = parts.reduce((a, b) => a + b, 0);
  const least = parts.length + BESIDE + LEFT;
  if (limit < least) {
    throw new DatabaseError(
      'DATABASE_UNFIT',
      `The database allows ${limit} connections (${set}), and a server needs at least ${least} and wants ${sum + BESIDE + LEFT}: ` +
        'allow more.',
    );
  }
  const free = Math.max(parts.length, limit - inUse - BESIDE - LEFT);
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

/** What the database allows; the limit of the user counts only if all connections are its own. */
export async function allowanceOf(db: Database, allAsUser: boolean): Promise<Allowance> {
  const [row] = await db.execute<{
    server: number;
    database: number;
    user: number;
    inUse: number;
    inDatabase: number;
  }>(sql`
    select (select sum(case name when 'max_connections' then setting::int else -setting::int end)::int from pg_settings
            where name in ('max_connections', 'superuser_reserved_connections', 'reserved_connections')) as server,
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
