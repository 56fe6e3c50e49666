import { Command } from 'commander';
import type { ShadowRow } from '../../kernel/read/rebuild/shadow-checkpoint.ts';
import { type CommandFactory, print, printJson, say } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { formatAge, formatBytes } from '../output/quantities.ts';
import { stallLines } from '../output/stalls.ts';
import { formatCount, formatTable } from '../output/table.ts';
import { projectionsOf } from './chosen.ts';
import { readStatus } from './status-rows.ts';

/** `projections status`: shows every version of every read model. */
export const projectionsStatusCommand: CommandFactory = (cli) =>
  new Command('status')
    .description('show position, owner, size and age of every version of every read model, and why one is stalled')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Below the table is the reason if one of them, or appending, is stalled: who blocks it, and their last statement.

RUNNING  a server or a worker (the owner, as host:pid) runs it; the lag is the number of events that it has not seen yet
STALLED  it cannot continue; the reason is below the table
AHEAD_OF_CODE  it needs an event that newer code has stored (below the table), and waits for a server with that code
REBUILDING  it is being filled: for the first time, or again beside the live one; then the progress is below the table
process:…, effect:…  a kind of process, or external calls; STALLED if something in it cannot continue
STOPPED  nobody runs it: no server is running; a server that has died is noticed after 3 seconds
UNUSED  a version that no running server uses and this code does not have; \`projections prune\` drops it two minutes after its last use`,
    )
    .action(({ json }: { json?: boolean }) =>
      withDatabase(cli, async ({ db }) => {
        const { rows, stalls } = await readStatus(db, projectionsOf(cli));
        const appends = stalls.get('append');
        if (json) {
          printJson(cli, rows);
          if (appends) for (const line of stallLines(appends)) say(cli, line);
          return;
        }
        if (rows.length === 0) print(cli, 'There are no read models yet: no server has been started on this database.');
        const table = rows.map(({ projection, version, state, position, head, lag, lagState, ...row }) => ({
          ...{ projection, version, state, position, head, lag },
          'lag state': lagState,
          owner: (row.owner !== null && row.process) || '-',
          size: row.bytes === null ? '-' : formatBytes(row.bytes),
          age: row.ageMs === null ? '-' : formatAge(row.ageMs),
        }));
        for (const line of formatTable(table)) print(cli, line);
        for (const { projection, rebuild, head } of rows)
          if (rebuild) print(cli, rebuildLine(projection, rebuild, head));
        for (const { projection, failure } of rows) if (failure !== null) print(cli, `${projection}: ${failure}`);
        for (const stall of stalls.values()) for (const line of stallLines(stall)) print(cli, line);
      }),
    );

function rebuildLine(projection: string, { position, ownerProcess, owner, failure }: ShadowRow, head: number): string {
  const by = owner === null ? 'nobody works on it' : `by ${ownerProcess}`;
  const at = `at ${formatCount(position)} of ${formatCount(head)}`;
  return `${projection}: being rebuilt, ${at}, ${by}${failure === null ? '' : `: ${failure}`}`;
}
