import { Command } from 'commander';
import { sql } from 'drizzle-orm';
import type { Database } from '../database/client.ts';
import { type CommandFactory, print } from './cli.ts';
import { withDatabase } from './context.ts';
import { formatTable } from './table.ts';

interface StatusRow extends Record<string, unknown> {
  projection: string;
  position: number;
  head: number;
  version: number;
  owner: string | null;
  /** The owner's, as host:pid. */
  process: string | null;
  owned: boolean;
  failure: string | null;
}

/** `projections status`: where every read model stands. */
export const projectionsStatusCommand: CommandFactory = (cli) =>
  new Command('status')
    .description('show where every read model stands, who moves it, and why one stands still')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
RUNNING  a server or a worker moves it, the owner, as host:pid; the lag is the number of events that it has not seen yet
STALLED  it met an event that it cannot apply; the reason stands below the table
STOPPED  nobody moves it: no server is running; one that has died is noticed after 3 seconds`,
    )
    .action(({ json }: { json?: boolean }) =>
      withDatabase(cli, async ({ db }) => {
        const found = (await readStatus(db)).map((row) => ({
          ...row,
          state: stateOf(row),
          lag: row.head - row.position,
        }));
        if (json) {
          print(
            cli,
            JSON.stringify(
              found.map(({ owned: _, ...row }) => row),
              undefined,
              2,
            ),
          );
          return;
        }
        if (found.length === 0)
          print(cli, 'There are no read models yet: no server has been started on this database.');
        const table = found.map(({ projection, state, position, head, lag, version, process, owned }) => ({
          projection,
          state,
          position,
          head,
          lag,
          version,
          owner: (owned && process) || '-',
        }));
        for (const line of formatTable(table)) print(cli, line);
        for (const { projection, failure } of found) if (failure !== null) print(cli, `${projection}: ${failure}`);
      }),
    );

function readStatus(db: Database): Promise<StatusRow[]> {
  return db.execute<StatusRow>(
    sql`select projection, position, (select coalesce(max(position), 0) from es.events) as head, version, owner, owner_process as process,
               owner is not null and lease_until > now() as owned, failure
        from read.checkpoints order by projection`,
  );
}

function stateOf({ owned, failure }: StatusRow): 'RUNNING' | 'STALLED' | 'STOPPED' {
  if (failure !== null) return 'STALLED';
  return owned ? 'RUNNING' : 'STOPPED';
}
