import { sql } from 'drizzle-orm';
import type { Database } from '../client.ts';
import { DatabaseError } from '../errors.ts';
import { SESSION_SETTINGS } from '../session.ts';

const OLDEST_POSTGRES = 150000;

/** Settings that only a superuser may change, and their required values: our sessions cannot correct them. */
const SETTINGS_OF_SUPERUSERS: Readonly<Record<string, { readonly wanted: string; readonly because: string }>> = {
  session_replication_role: { wanted: 'origin', because: 'triggers and foreign keys do nothing otherwise' },
  zero_damaged_pages: { wanted: 'off', because: 'damaged pages would be emptied silently' },
  ignore_checksum_failure: { wanted: 'off', because: 'damaged pages would be read as if they were intact' },
};

/** Facts about a usable server. */
export interface CheckedServer {
  /** As `server_version_num`: 180003. */
  readonly version: number;
}

/**
 * Refuses a server on which the application would not work correctly, before anything is written to it.
 * @throws {DatabaseError} DATABASE_TOO_OLD, DATABASE_UNFIT.
 */
export async function checkServer(db: Database): Promise<CheckedServer> {
  const [row] = await db.execute<{ version: string; encoding: string; icu: boolean }>(
    sql`select current_setting('server_version_num') as version, current_setting('server_encoding') as encoding,
               to_regcollation('pg_catalog."und-x-icu"') is not null as icu,
               -- The first connection does not know the version yet, see session.ts.
               case when current_setting('server_version_num')::int >= 170000
                    then set_config('transaction_timeout', '0', false) end as timeout`,
  );
  const version = Number(row?.version);
  if (version < OLDEST_POSTGRES) {
    throw new DatabaseError('DATABASE_TOO_OLD', `Postgres 15 or newer is needed; this one is ${row?.version}.`);
  }
  if (row?.encoding !== 'UTF8') {
    throw new DatabaseError(
      'DATABASE_UNFIT',
      `The database's encoding is ${row?.encoding}, which cannot hold all text: create one with ` +
        "`create database … encoding 'UTF8' template template0`.",
    );
  }
  if (!row?.icu) {
    throw new DatabaseError(
      'DATABASE_UNFIT',
      'This Postgres was built without ICU, by which text is searched: use one that has it, as all usual packages do.',
    );
  }
  const wrong = await wrongSettings(db);
  if (wrong.length > 0) {
    throw new DatabaseError('DATABASE_UNFIT', `Sessions here have settings that do not work: ${wrong.join('; ')}.`);
  }
  return { version };
}

/** Settings that differ from what this session has set, each with advice. */
async function wrongSettings(db: Database): Promise<string[]> {
  const names = [...Object.keys(SESSION_SETTINGS), ...Object.keys(SETTINGS_OF_SUPERUSERS)];
  const rows = await db.execute<{ name: string; setting: string; source: string }>(
    sql`select name, setting, source from pg_settings
        where name in (${sql.join(
          names.map((name) => sql`${name}`),
          sql`, `,
        )}) order by name`,
  );
  return rows.flatMap(({ name, setting, source }) => {
    const forSuperusers = SETTINGS_OF_SUPERUSERS[name];
    const wanted = forSuperusers?.wanted ?? SESSION_SETTINGS[name];
    if (setting === wanted) return [];
    const cure = forSuperusers
      ? `only a superuser can set it, so take it back where it was set (${source}), for ${forSuperusers.because}`
      : 'what stands between this process and Postgres ignores start-up parameters, so connect directly';
    return [`${name} is '${setting}' and has to be '${wanted}' (${cure})`];
  });
}
