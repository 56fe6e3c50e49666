import { sql } from 'drizzle-orm';
import { allowanceOf, type Connections, fitConnections } from '../database/checks/connection-budget.ts';
import type { Database } from '../database/client.ts';
import { DatabaseError } from '../database/errors.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** The user's rights, and how the roles of the parts will be separated because of them. */
export async function checkRights(db: Database, hasOwnUrls: boolean): Promise<Finding[]> {
  const [row] = await db.execute<{
    user: string;
    database: string;
    isSuperuser: boolean;
    createsRoles: boolean;
    mayCreate: boolean;
    isThere: boolean;
    hasShared: boolean;
  }>(sql`
    select current_user as "user", current_database() as database, rolsuper as "isSuperuser",
           rolsuper or rolcreaterole as "createsRoles",
           has_database_privilege(current_database(), 'create') as "mayCreate", to_regnamespace('es') is not null as "isThere",
           (select count(*) = 3 from pg_roles r where rolname in ('afterwrite_writer', 'afterwrite_projector', 'afterwrite_reader')
              and pg_has_role(current_user, r.oid, 'MEMBER')) as "hasShared"
    from pg_roles where rolname = current_user`);
  if (!row) return [];
  const { user, database, isSuperuser, createsRoles, mayCreate, isThere, hasShared } = row;
  const create = mayCreate
    ? ok('rights', `${user} may create schemas in ${database}`)
    : isThere
      ? warning(
          'rights',
          `${user} may not create schemas in ${database}, which has them already`,
          `A later version may need one: grant create on database "${database}" to "${user}".`,
        )
      : problem(
          'rights',
          `${user} may not create schemas in ${database}`,
          `Let its owner say: grant create on database "${database}" to "${user}".`,
        );
  return [create, rolesOf({ user, isSuperuser, createsRoles, hasShared, hasOwnUrls })];
}

interface RoleFacts {
  readonly user: string;
  readonly isSuperuser: boolean;
  readonly createsRoles: boolean;
  readonly hasShared: boolean;
  readonly hasOwnUrls: boolean;
}

function rolesOf({ user, isSuperuser, createsRoles, hasShared, hasOwnUrls }: RoleFacts): Finding {
  const cure =
    'Let it create roles, or set WRITER_DATABASE_URL, PROJECTOR_DATABASE_URL and READER_DATABASE_URL to users of their own.';
  if (hasOwnUrls) return ok('roles', 'the settings give each part a separate user');
  if (createsRoles)
    return ok(
      'roles',
      `${user} ${isSuperuser ? 'is a superuser' : 'may create roles'}: each part gets a user of its own`,
    );
  if (hasShared)
    return warning(
      'roles',
      `${user} may not create roles: connections take the shared roles, which they could leave`,
      cure,
    );
  return warning(
    'roles',
    `${user} may not create roles: all connections use it, and only the code keeps the parts apart`,
    cure,
  );
}

/**
 * Allowed connections, compared with what the settings need. The limit of the URL's user counts if the parts have no users
 * of their own.
 */
export async function checkConnections(db: Database, wanted: Connections, hasOwnUrls: boolean): Promise<Finding[]> {
  const [user] = await db.execute<{ createsRoles: boolean }>(
    sql`select rolsuper or rolcreaterole as "createsRoles" from pg_roles where rolname = current_user`,
  );
  const allowance = await allowanceOf(db, !hasOwnUrls && user?.createsRoles !== true);
  try {
    const { notice } = fitConnections(wanted, allowance);
    if (notice !== undefined) return [warning('connections', notice, 'The server starts with smaller pools.')];
    const { limit, set, inUse } = allowance;
    return [ok('connections', `${limit} are allowed (${set}), others have ${inUse}`)];
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return [problem('connections', error.message, 'Raise the limit that is named.')];
  }
}
