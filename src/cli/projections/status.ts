import { Command } from 'commander';
import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import type { StalledEvent } from '../../kernel/observe/stall.ts';
import { type ShadowRow, shadowRows } from '../../kernel/read/rebuild/shadow-checkpoint.ts';
import { lagStateOf } from '../../kernel/read/status/lag.ts';
import { type CommandFactory, print, printJson, say } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { findStalls, stallLines } from '../output/stalls.ts';
import { formatCount, formatTable } from '../output/table.ts';
import { projectionsOf } from './chosen.ts';

interface StatusRow extends Record<string, unknown> {
  projection: string;
  position: number;
  head: number;
  version: number;
  owner: string | null;
  /** The owner as host:pid. */
  process: string | null;
  owned: boolean;
  failure: string | null;
  /** How long the first event that it has not applied has waited; null if it has applied all. */
  lag_ms: number | null;
  next: StalledEvent | null;
}

/** `projections status`: shows the position of every read model. */
export const projectionsStatusCommand: CommandFactory = (cli) =>
  new Command('status')
    .description('show the position and owner of every read model, and why one is stalled')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Below the table is the reason if one of them, or appending, is stalled: who blocks it, and their last statement.

RUNNING  a server or a worker (the owner, as host:pid) runs it; the lag is the number of events that it has not seen yet
STALLED  it cannot continue; the reason is below the table
REBUILDING  it is being filled again beside the live one; the progress is below the table
process:…, effect:…  a kind of process, or external calls; STALLED if something in it cannot continue
STOPPED  nobody runs it: no server is running; a server that has died is noticed after 3 seconds`,
    )
    .action(({ json }: { json?: boolean }) =>
      withDatabase(cli, async ({ db }) => {
        const rows = await readStatus(db);
        const stalls = await findStalls(db, projectionsOf(cli), rows);
        const rebuilds = (await shadowRows(db)).filter(({ purpose }) => purpose === 'rebuild');
        const rebuildOf = (name: string) => rebuilds.find(({ projection }) => projection === name) ?? null;
        const found = rows.map(({ lag_ms, next: _, ...row }) => ({
          ...row,
          state: stateOf(row, rebuildOf(row.projection)),
          rebuild: rebuildOf(row.projection),
          lag: row.head - row.position,
          lagMs: Math.round(lag_ms ?? 0),
          lagState: lagStateOf(lag_ms ?? 0),
          stall: stalls.get(row.projection) ?? null,
        }));
        const appends = stalls.get('append');
        if (json) {
          printJson(
            cli,
            found.map(({ owned: _, ...row }) => row),
          );
          if (appends) for (const line of stallLines(appends)) say(cli, line);
          return;
        }
        if (found.length === 0)
          print(cli, 'There are no read models yet: no server has been started on this database.');
        const table = found.map(({ projection, state, position, head, lag, lagState, version, process, owned }) => ({
          projection,
          state,
          position,
          head,
          lag,
          'lag state': lagState,
          version,
          owner: (owned && process) || '-',
        }));
        for (const line of formatTable(table)) print(cli, line);
        for (const { projection, rebuild, head } of found)
          if (rebuild) print(cli, rebuildLine(projection, rebuild, head));
        for (const { projection, failure } of found) if (failure !== null) print(cli, `${projection}: ${failure}`);
        for (const stall of stalls.values()) for (const line of stallLines(stall)) print(cli, line);
      }),
    );

function readStatus(db: Database): Promise<StatusRow[]> {
  return db.execute<StatusRow>(
    sql`select projection, c.position, (select coalesce(max(position), 0) from es.events) as head, c.version, owner, owner_process as process,
               owner is not null and lease_until > now() as owned, failure,
               greatest(0, extract(epoch from now() - e.recorded_at))::float8 * 1000 as lag_ms,
               case when e.position is not null then jsonb_build_object(
                 'position', e.position, 'type', e.type, 'streamType', e.stream_type, 'streamId', e.stream_id) end as next
        from read.checkpoints c left join es.events e on e.position = c.position + 1
        where kind in ('projection', 'process', 'effect') order by projection`,
  );
}

function stateOf({ owned, failure }: Pick<StatusRow, 'owned' | 'failure'>, rebuild: ShadowRow | null) {
  if (failure !== null) return 'STALLED';
  if (rebuild !== null) return 'REBUILDING';
  return owned ? 'RUNNING' : 'STOPPED';
}

function rebuildLine(projection: string, { position, ownerProcess, owner, failure }: ShadowRow, head: number): string {
  const by = owner === null ? 'nobody works on it' : `by ${ownerProcess}`;
  const at = `at ${formatCount(position)} of ${formatCount(head)}`;
  return `${projection}: being rebuilt, ${at}, ${by}${failure === null ? '' : `: ${failure}`}`;
}
