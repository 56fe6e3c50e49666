import { sql } from 'drizzle-orm';
import type { Database, PoolRole } from '../client.ts';
import { rootOf } from '../errors.ts';
import type { DatabaseObserver } from '../occurrences.ts';
import type { Login } from '../session.ts';
import { readCatalog } from './catalog.ts';
import { type Account, configuredLogin, ensureLogin, type LoginRequest, refusalOf, type TryLogin } from './logins.ts';
import { loginNameOf, SHARED_ROLES } from './names.ts';
import { passwordIn } from './passwords.ts';
import { statementsFor } from './statements.ts';

/** How a part's connections access the database. */
export interface Access {
  /** The part's own user, which cannot become another one. Undefined: the URL's user. */
  readonly login: Login | undefined;
  /**
   * The role that connections of the URL's user take by `set role`; they could leave it. Undefined if they take none.
   */
  readonly role: string | undefined;
}

/** The access of the three parts, and of the owner of the tables. */
export type PartRoles = Readonly<Record<PoolRole | 'owner', Access>>;

/** Settings for users. */
export interface RoleOptions {
  /** URLs for the parts to the same database, with users that an administrator has created. */
  readonly urls?: Readonly<Partial<Record<PoolRole, string | undefined>>> | undefined;
  /** The secret from which the roles' passwords are derived; the URL's password by default. */
  readonly secret?: string | undefined;
}

export interface RightsOptions {
  /** Newer code has migrated the database: rights that it has given and this code does not know are not revoked. */
  readonly isNewer?: boolean | undefined;
}

const PARTS = ['writer', 'projector', 'reader'] as const;
const URL_USER: Access = { login: undefined, role: undefined };

/** How roles are made. */
export interface EnsureRolesOptions extends RoleOptions, RightsOptions {
  /** Tries the logins of roles that are made here; by default on connections that are closed again. */
  readonly tryLogin?: TryLogin | undefined;
}

interface Here extends Record<string, unknown> {
  readonly oid: number;
  readonly database: string;
  readonly user: string;
  readonly isSuperuser: boolean;
}

/**
 * Gives each part a user of its own with exactly the rights of `rights.ts`, also on tables that a migration has just
 * created. Call this under the migration lock.
 *
 * The users are, in order of preference: those of the settings' URLs; roles that are created here and log in with a
 * password derived from the secret; roles that the URL's user takes by `set role`; the URL's user. The last two do not
 * confine a part that an attacker controls, and are reported.
 */
export async function ensureRoles(
  db: Database,
  url: string,
  options: EnsureRolesOptions,
  observer: DatabaseObserver,
): Promise<PartRoles> {
  const { urls = {}, secret = passwordIn(url), isNewer } = options;
  const [here] = await db.execute<Here>(sql`
    select oid::int8 as oid, datname as database, current_user as "user",
           (select rolsuper from pg_roles where rolname = current_user) as "isSuperuser"
    from pg_database where datname = current_database()`);
  if (!here) throw new Error('Postgres does not know the database that this session is connected to.');
  const tryLogin = options.tryLogin ?? ((_, login) => refusalOf({ url }, login));
  const request: LoginRequest = { db, url, database: here.database, user: here.user, secret, tryLogin };
  const access = new Map<PoolRole | 'owner', Access>(PARTS.map((part) => [part, URL_USER]));
  const asked = PARTS.filter((part) => urls[part]);
  for (const part of asked)
    access.set(part, { login: await configuredLogin(request, urls[part] ?? ''), role: undefined });
  const others = PARTS.filter((part) => !urls[part]);
  if (others.length > 0) {
    const accounts = others.map((part) => ({ part, name: loginNameOf(part, here.oid) }));
    for (const [part, how] of await accountsOf(request, accounts, observer)) access.set(part, how);
  }
  const owner = here.isSuperuser ? await ownerOf(request, loginNameOf('owner', here.oid), access) : URL_USER;
  const of = (part: PoolRole) => access.get(part) ?? URL_USER;
  const roles: PartRoles = { writer: of('writer'), projector: of('projector'), reader: of('reader'), owner };
  await grantRights(db, roles, { isNewer });
  return roles;
}

/**
 * Gives each part its rights on all existing objects, for example on tables that were just created, and revokes all
 * others: all at once, because Postgres executes the statements of one message as a transaction.
 * @param db as a user who owns the objects, at least the new ones.
 */
export async function grantRights(db: Database, roles: PartRoles, { isNewer }: RightsOptions = {}): Promise<void> {
  const parts = { writer: namesOf(roles.writer), projector: namesOf(roles.projector), reader: namesOf(roles.reader) };
  const grantees = { parts, owner: roles.owner.login?.user, keepsUnknown: isNewer };
  const statements = statementsFor(await readCatalog(db), grantees);
  if (statements.length > 0) await db.execute(sql.raw(statements.join(';\n')));
}

function namesOf(access: Access | undefined): string[] {
  const name = access?.login?.user ?? access?.role;
  return name === undefined ? [] : [name];
}

type Accounts = readonly { readonly part: PoolRole; readonly name: string }[];

async function accountsOf(
  request: LoginRequest,
  accounts: Accounts,
  observer: DatabaseObserver,
): Promise<(readonly [PoolRole, Access])[]> {
  const made: Account[] = [];
  try {
    for (const { part, name } of accounts) made.push(await ensureLogin(request, part, name));
  } catch (error) {
    const { code, message } = rootOf(error);
    if (code !== '42501') throw error;
    return sharedRoles(request, accounts, message, observer);
  }
  const refused = made.find(({ login }) => login === undefined);
  if (refused) {
    const message =
      `Postgres does not let the role ${refused.name} log in (${refused.why}): connections log in as ${request.user} and take the ` +
      'roles, which they could leave. Let pg_hba.conf admit them with a password, and if DATABASE_URL has none, set DATABASE_ROLE_SECRET.';
    observer.tell('databaseNoticed', { message });
  }
  return accounts.map(({ part, name }, n) => [
    part,
    refused ? { login: undefined, role: name } : { login: made[n]?.login, role: undefined },
  ]);
}

/** If the URL's user may not create roles, an administrator may have created the shared ones and granted them to it. */
async function sharedRoles(
  { db, user }: LoginRequest,
  accounts: Accounts,
  why: string,
  observer: DatabaseObserver,
): Promise<(readonly [PoolRole, Access])[]> {
  const usable = await db.execute<{ name: string }>(
    sql`select rolname as name from pg_roles
        where rolname in ('afterwrite_writer', 'afterwrite_projector', 'afterwrite_reader') and pg_has_role(current_user, oid,
                case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end)`,
  );
  const areThere = accounts.every(({ part }) => usable.some(({ name }) => name === SHARED_ROLES[part]));
  const message = areThere
    ? `The database's user may not create roles (${why}): connections log in as ${user} and take the roles ` +
      'afterwrite_writer, afterwrite_projector and afterwrite_reader, which they could leave. Set WRITER_DATABASE_URL, ' +
      'PROJECTOR_DATABASE_URL and READER_DATABASE_URL to users of their own to contain them.'
    : `The database's user may not create roles (${why}); all connections use that user, and nothing but the application keeps its ` +
      'parts apart. Let it create roles, or set WRITER_DATABASE_URL, PROJECTOR_DATABASE_URL and READER_DATABASE_URL to ' +
      'users of their own.';
  observer.tell('databaseNoticed', { message });
  return accounts.map(({ part }) => [part, { login: undefined, role: areThere ? SHARED_ROLES[part] : undefined }]);
}

/**
 * A superuser must own nothing: functions with their owner's rights, and connections for rebuilds, would have full
 * power over the cluster. The owner may take the parts' roles, to see and to cancel their statements.
 */
async function ownerOf(request: LoginRequest, name: string, access: ReadonlyMap<string, Access>): Promise<Access> {
  const { login } = await ensureLogin(request, 'owner', name);
  const parts = PARTS.flatMap((part) => namesOf(access.get(part)));
  const lacks = await request.db.execute<{ role: string }>(sql`
    select rolname as role from pg_roles
    where rolname in (${sql.join(
      [...parts, 'pg_read_all_stats'].map((part) => sql`${part}`),
      sql`, `,
    )}) and not pg_has_role(${name}, oid, 'USAGE') and rolname <> ${name}`);
  for (const { role } of lacks) {
    await request.db.execute(sql`grant ${sql.identifier(role)} to ${sql.identifier(name)}`);
  }
  return { login, role: login ? undefined : name };
}
