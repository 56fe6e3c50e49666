import { sql } from 'drizzle-orm';
import type { Database } from '../database/client.ts';
import { SESSION_SETTINGS } from '../database/session.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** Settings that change the behaviour or meaning of statements. Others, like time zones, are a matter of taste. */
const DECISIVE: Readonly<Record<string, string>> = {
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  synchronous_commit: 'on',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  transaction_timeout: '0',
};

/** Settings that no session can correct, each with its effect. */
const OF_SUPERUSERS: Readonly<Record<string, { readonly wanted: string; readonly harm: string }>> = {
  track_activities: {
    wanted: 'on',
    harm: 'It cannot be seen if a statement is running: silent connections are not detected, nor the reasons of stalls.',
  },
  track_counts: { wanted: 'on', harm: 'Tables are not vacuumed by themselves, and grow.' },
  autovacuum: { wanted: 'on', harm: 'Tables are not vacuumed by themselves, and grow.' },
};

/** Settings by database or role that would change the behaviour of sessions. Every session overrides them. */
export async function checkStoredSettings(db: Database): Promise<Finding[]> {
  const rows = await db.execute<{ place: string; setting: string }>(sql`
    select case when setdatabase = 0 then '' else 'database ' || datname end
             || case when setdatabase <> 0 and setrole <> 0 then ', ' else '' end
             || case when setrole = 0 then '' else 'role ' || rolname end as place, unnest(setconfig) as setting
    from pg_db_role_setting left join pg_database d on d.oid = setdatabase left join pg_roles r on r.oid = setrole
    where (setdatabase = 0 or datname = current_database()) and (setrole = 0 or rolname = current_user)
    order by 1, 2`);
  const names = new Map(Object.entries(SESSION_SETTINGS).map(([name, value]) => [name.toLowerCase(), value]));
  const found = rows.flatMap(({ place, setting }) => {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(setting) ?? [];
    const wanted = names.get(name.toLowerCase());
    if (wanted === undefined || wanted === value) return [];
    return [isSet(name, value, place, wanted)];
  });
  return found.length > 0
    ? found
    : [ok('settings', 'nothing is set for the database or the user that sessions have to change')];
}

/** @param plain a connection that sets nothing: it has the values of the server's configuration. */
export async function checkServerSettings(plain: Database): Promise<Finding[]> {
  const names = [...Object.keys(DECISIVE), ...Object.keys(OF_SUPERUSERS)];
  const rows = await plain.execute<{ name: string; setting: string; source: string }>(sql`
    select name, setting, source from pg_settings
    where source not in ('default', 'database', 'user', 'database user', 'client')
      and name = any(string_to_array(${names.join(',')}, ',')) order by name`);
  return rows.flatMap(({ name, setting, source }) => {
    const uncurable = OF_SUPERUSERS[name];
    if (uncurable) {
      return setting === uncurable.wanted
        ? []
        : [
            warning(
              'settings',
              `${name} is ${setting} (${source})`,
              `${uncurable.harm} Set it to ${uncurable.wanted}.`,
            ),
          ];
    }
    const wanted = DECISIVE[name] as string;
    return setting === wanted ? [] : [isSet(name, setting, source, wanted)];
  });
}

function isSet(name: string, value: string, place: string, wanted: string): Finding {
  return warning(
    'settings',
    `${name} is '${value}' (${place})`,
    `No action is needed: every session sets it to '${wanted}'. Other tools on this database see '${value}'.`,
  );
}

/** Settings that decide whether an acknowledged event survives a crash, or the loss of the machine. */
export async function checkDurability(db: Database): Promise<Finding[]> {
  const rows = await db.execute<{ name: string; setting: string; source: string }>(sql`
    select name, setting, source from pg_settings where name in ('fsync', 'full_page_writes')`);
  const off = rows.filter(({ setting }) => setting !== 'on');
  if (off.length === 0) return [ok('durability', 'fsync and full_page_writes are on')];
  return off.map(({ name, setting, source }) =>
    problem(
      'durability',
      `${name} is ${setting} (${source})`,
      `A crash of the machine may lose or damage what was acknowledged: set ${name} = on, unless this is a test.`,
    ),
  );
}
