import { sql } from 'drizzle-orm';
import type { Database, PoolRole } from './client.ts';
import { rootOf } from './errors.ts';

/** The database role of each pool; undefined where the database's user could not make them. */
export type Roles = Readonly<Record<PoolRole, string | undefined>>;

const names: Record<PoolRole, string> = {
  writer: 'afterwrite_writer',
  projector: 'afterwrite_projector',
  reader: 'afterwrite_reader',
};

/**
 * What each role may do. The command side cannot read a read model and the query side cannot read an event, because the
 * database does not let them; nobody changes an event.
 */
const grants = [
  'grant usage on schema es to afterwrite_writer, afterwrite_projector',
  'grant usage on schema read to afterwrite_projector, afterwrite_reader',
  'grant select, insert on es.events to afterwrite_writer',
  'grant select, insert on es.receipts to afterwrite_writer',
  'grant select, insert, update on es.streams to afterwrite_writer',
  'grant select, insert, update, delete on es.snapshots to afterwrite_writer',
  'grant select on es.store to afterwrite_writer',
  'grant select on es.events to afterwrite_projector',
  'grant select, insert, update, delete on all tables in schema read to afterwrite_projector',
  'grant select on all tables in schema read to afterwrite_reader',
];

/**
 * Makes the roles where they are missing and grants them what they need, also on tables that a migration has just added.
 * Where the database's user may not do so it says so and goes on: the roles are a second wall, not the only one.
 */
export async function ensureRoles(db: Database, onNotice: (line: string) => void): Promise<Roles> {
  try {
    for (const name of Object.values(names)) await createRole(db, name);
    await db.transaction(async (tx) => {
      for (const grant of grants) await tx.execute(sql.raw(grant));
    });
    return names;
  } catch (error) {
    const { code, message } = rootOf(error);
    if (code !== '42501') throw error;
    onNotice(
      `The database's user may not create roles (${message}); all connections use that user. ` +
        'Let somebody who may run `create role afterwrite_writer; create role afterwrite_projector; ' +
        'create role afterwrite_reader` and grant them to it, or go on without.',
    );
    return { writer: undefined, projector: undefined, reader: undefined };
  }
}

async function createRole(db: Database, name: string): Promise<void> {
  // From Postgres 16 on, who creates a role is a member of it without being allowed to take it.
  const [present] = await db.execute<{ usable: boolean }>(
    sql`select pg_has_role(current_user, oid,
                 case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end) as usable
        from pg_roles where rolname = ${name}`,
  );
  if (present?.usable) return;
  if (!present) {
    try {
      await db.execute(sql.raw(`create role ${name} nologin`));
    } catch (error) {
      // Roles belong to the whole cluster: another database's migration may have made it in between.
      if (!['42710', '23505'].includes(rootOf(error).code)) throw error;
    }
  }
  await db.execute(sql.raw(`grant ${name} to current_user`));
}
