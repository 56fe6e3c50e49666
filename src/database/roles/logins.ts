import { sql } from 'drizzle-orm';
import { type Database, openPool, type Pool } from '../client.ts';
import { readTarget } from '../connection-string/target.ts';
import { DatabaseError, describeUrl, rootOf } from '../errors.ts';
import type { Login, SessionOptions } from '../session.ts';
import type { Part } from './names.ts';
import { passwordOf, scramVerifier } from './passwords.ts';

export interface LoginRequest {
  /** Connected as the URL's user. */
  readonly db: Database;
  readonly url: string;
  readonly database: string;
  /** The user of the URL. */
  readonly user: string;
  readonly secret: string | undefined;
  readonly tryLogin: TryLogin;
}

/** Tries to log in as a part. @returns why Postgres refuses it; `undefined` if it does not. */
export type TryLogin = (part: Part, login: Login) => Promise<string | undefined>;

/** An existing role. */
export interface Account {
  readonly name: string;
  /** Undefined if Postgres refuses its login. */
  readonly login: Login | undefined;
  /** Why its login is refused. */
  readonly why?: string;
}

interface RoleRow extends Record<string, unknown> {
  readonly isMember: boolean;
  readonly isTooMighty: boolean;
  readonly hasSettings: boolean;
}

/** Codes of a refused login, as opposed to other failures. */
const REFUSED = ['28P01', '28000'];

/**
 * Creates a role that can log in and has no rights yet, or changes its password if the secret has changed.
 * @throws the driver's error 42501 if the URL's user may not.
 */
export async function ensureLogin(request: LoginRequest, part: Part, name: string): Promise<Account> {
  const { db, database, secret } = request;
  const password = secret === undefined ? undefined : await passwordOf(name, secret);
  const login: Login = { user: name, password, database };
  const present = await roleOf(db, name);
  if (!present) await createRole(db, name, password);
  const [role] = present ? [present] : [await roleOf(db, name)];
  if (role?.isTooMighty) {
    throw new DatabaseError(
      'DATABASE_UNFIT',
      `The role ${name} is to be confined, and is a superuser, may create roles or databases, or is a member of another role: ` +
        'take these rights from it.',
    );
  }
  if (role && !role.isMember) await db.execute(sql`grant ${sql.identifier(name)} to current_user`);
  // A role may change its own settings; reset them so that they do not persist.
  if (role?.hasSettings) await db.execute(sql`alter role ${sql.identifier(name)} reset all`);
  let why = await request.tryLogin(part, login);
  if (why !== undefined && present && password !== undefined) {
    await db.execute(
      sql`alter role ${sql.identifier(name)} login password ${sql.raw(`'${await scramVerifier(password)}'`)}`,
    );
    why = await request.tryLogin(part, login);
  }
  return why === undefined ? { name, login } : { name, login: undefined, why };
}

/**
 * The user of a URL that an administrator has configured for a part.
 * @throws {DatabaseError} DATABASE_REFUSED and the like, DATABASE_UNFIT if it leads to another database or to a user
 * who is not confined.
 */
export async function configuredLogin(request: LoginRequest, url: string): Promise<Login> {
  const pool = openPool({ url, connections: 1, applicationName: 'afterwrite start' });
  try {
    const [row] = await pool.db.execute<{ user: string; database: string; isTooMighty: boolean }>(
      sql`select current_user as user, current_database() as database, rolsuper or rolcreaterole as "isTooMighty"
          from pg_roles where rolname = current_user`,
    );
    if (!row || row.database !== request.database || row.user === request.user || row.isTooMighty) {
      throw new DatabaseError(
        'DATABASE_UNFIT',
        `${describeUrl(url)} has to lead to the database of DATABASE_URL, as another user than there, who may not create roles.`,
      );
    }
    const { user, servers } = readTarget(url);
    return { user, password: servers[0].password, database: row.database };
  } catch (cause) {
    throw DatabaseError.from(cause, url);
  } finally {
    await pool.close(1000);
  }
}

/** Why Postgres refuses a login; undefined if it does not. */
export async function refusalOf(
  { url, kind }: Pick<LoginRequest, 'url'> & Pick<SessionOptions, 'kind'>,
  login: Login,
): Promise<string | undefined> {
  const pool = openPool({ url, kind, login, connections: 1, applicationName: 'afterwrite start' });
  try {
    return await whyRefused(pool);
  } finally {
    await pool.close(1000);
  }
}

/** Why Postgres refuses the login of a pool; undefined if it does not. */
export async function whyRefused(
  { db }: Pick<Pool, 'db'>,
  { inTransaction = false }: { readonly inTransaction?: boolean } = {},
): Promise<string | undefined> {
  try {
    if (inTransaction) await db.transaction((tx) => tx.execute(sql`select 1`));
    else await db.execute(sql`select 1`);
    return undefined;
  } catch (error) {
    const { code, message } = rootOf(error);
    if (!REFUSED.includes(code)) throw error;
    return message;
  }
}

async function roleOf(db: Database, name: string): Promise<RoleRow | undefined> {
  const [row] = await db.execute<RoleRow>(sql`
    select pg_has_role(current_user, oid, 'USAGE') as "isMember",
           rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls
             or (rolname !~ '_owner_' and exists (select from pg_auth_members where member = r.oid)) as "isTooMighty",
           exists (select from pg_db_role_setting where setrole = r.oid) as "hasSettings"
    from pg_roles r where rolname = ${name}`);
  return row;
}

async function createRole(db: Database, name: string, password: string | undefined): Promise<void> {
  const withPassword = password === undefined ? '' : ` password '${await scramVerifier(password)}'`;
  try {
    await db.execute(sql.raw(`create role ${name} login${withPassword}`));
  } catch (error) {
    // The name belongs to this database, and we hold its migration lock: only somebody else can have created the role.
    if (rootOf(error).code !== '42710') throw error;
  }
}
