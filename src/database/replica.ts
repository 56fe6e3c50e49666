import { sql } from 'drizzle-orm';
import { pause } from '../scheduling/sleeper.ts';
import { type Database, openPool, type Pool } from './client.ts';
import { DatabaseError, describeUrl, rootOf } from './errors.ts';
import { ANSWER_WITHIN_MS, answerWithin, type Migrated } from './migrations/migrate.ts';
import { engineHistory, newestOf } from './migrations/migration-history.ts';
import type { DatabaseObserver } from './occurrences.ts';
import type { Access } from './roles/ensure-roles.ts';
import { refusalOf } from './roles/logins.ts';

/** How long a replica may take to show what the migration has just written, in ms. */
const WAIT_MS = 10_000;
const POLL_MS = 100;

export interface CheckedReplica {
  /** One connection as the URL's user, who may read what no part may read: which history it has. */
  readonly pool: Pool;
  /** The login for queries. */
  readonly access: Access;
}

/**
 * Connects to the server from which queries read, once it has the history and the tables of the primary.
 *
 * @param expected facts about the primary.
 * @throws {DatabaseError} DATABASE_UNREACHABLE and the like; REPLICA_FOREIGN if it has another history, REPLICA_BEHIND
 * if it does not catch up in time.
 */
export async function openReplica(
  url: string,
  expected: Migrated,
  observer: DatabaseObserver,
  waitMs = WAIT_MS,
): Promise<CheckedReplica> {
  const pool = openPool({ url, connections: 1, kind: 'any', applicationName: 'afterwrite replica' });
  try {
    const end = performance.now() + waitMs;
    for (;;) {
      const problem = await answerWithin(ANSWER_WITHIN_MS, problemOf(pool.db, url, expected));
      if (!problem) break;
      // A server that does not replay a primary's log will never get what it lacks.
      if (performance.now() > end || !(await isReplaying(pool.db))) throw problem;
      await pause(POLL_MS);
    }
    const access = await accessTo(pool.db, url, expected.roles.reader, observer);
    return { pool, access };
  } catch (cause) {
    await pool.close(1000);
    throw DatabaseError.from(cause, url);
  }
}

/** The replica has another history than the primary: positions of one mean nothing in the other. */
export function foreignReplica(where: string): DatabaseError {
  return new DatabaseError(
    'REPLICA_FOREIGN',
    `${where} holds another history than DATABASE_URL: READ_DATABASE_URL must name a replica of it.`,
  );
}

/** Why queries cannot read there; undefined if they can. */
async function problemOf(db: Database, url: string, { epoch, roles }: Migrated): Promise<DatabaseError | undefined> {
  const where = describeUrl(url);
  const behind = new DatabaseError(
    'REPLICA_BEHIND',
    `${where} lacks what DATABASE_URL was set up with: it lags too far, or is no replica of it.`,
  );
  try {
    await db.execute(sql`select 1`);
  } catch (error) {
    // The primary's database may be too new to exist there.
    if (rootOf(error).code === '3D000') return DatabaseError.from(error, url);
    throw error;
  }
  const [tables] = await db.execute<{ there: boolean; replaying: boolean }>(
    sql`select to_regclass('es.store') is not null and to_regclass('read.checkpoints') is not null as there,
               pg_is_in_recovery() as replaying`,
  );
  if (!tables?.there) return behind;
  const [store] = await db.execute<{ epoch: string }>(sql`select epoch from es.store`);
  if (store?.epoch !== epoch) return foreignReplica(where);
  // A logical copy is not compared: its operator chose what it contains.
  if (!tables.replaying) return undefined;
  const [set] = await db.execute<{ migration: string | null; granted: boolean | null }>(
    sql`select max(created_at) as migration,
               (select bool_and(has_table_privilege(rolname, pg_class.oid, 'select'))
                from pg_roles, pg_class
                where rolname = ${nameOf(roles.reader) ?? null} and relnamespace = 'read'::regnamespace and relkind = 'r') as granted
        from drizzle.__drizzle_migrations`,
  );
  const isMigrated = Number(set?.migration) >= newestOf(engineHistory);
  return isMigrated && (nameOf(roles.reader) === undefined || set?.granted) ? undefined : behind;
}

/** Also true if our database does not exist there yet. */
async function isReplaying(db: Database): Promise<boolean> {
  try {
    const [row] = await db.execute<{ replaying: boolean }>(sql`select pg_is_in_recovery() as replaying`);
    return row?.replaying === true;
  } catch (error) {
    if (rootOf(error).code === '3D000') return true;
    throw error;
  }
}

function nameOf({ login, role }: Access): string | undefined {
  return login?.user ?? role;
}

/**
 * On a physical replica the reader's user is the same as on the primary. Roles belong to the whole cluster: a logical
 * copy may lack it, or have another password for it.
 */
async function accessTo(db: Database, url: string, reader: Access, observer: DatabaseObserver): Promise<Access> {
  const { login } = reader;
  const [here] = await db.execute<{ database: string }>(sql`select current_database() as database`);
  if (login && here) {
    const there = { ...login, database: here.database };
    if ((await refusalOf({ url, kind: 'any' }, there)) === undefined) return { login: there, role: undefined };
  }
  const name = nameOf(reader);
  if (name === undefined || (await mayTake(db, name))) return { login: undefined, role: name };
  const message = `The user of ${describeUrl(url)} may not take the role ${name}; queries there run as that user.`;
  observer.tell('databaseNoticed', { message });
  return { login: undefined, role: undefined };
}

async function mayTake(db: Database, role: string): Promise<boolean> {
  const [row] = await db.execute<{ usable: boolean }>(
    sql`select pg_has_role(current_user, oid,
                 case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end) as usable
        from pg_roles where rolname = ${role}`,
  );
  return row?.usable === true;
}
