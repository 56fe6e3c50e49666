import { Command } from 'commander';
import { sql } from 'drizzle-orm';
import { type CommandFactory, print } from '../cli.ts';
import { sharesDatabase, withDatabase } from '../context.ts';
import { CliError } from '../errors.ts';

const WHAT_IT_MEANS = `
The time at which events are recorded never decreases along the log. If Postgres' clock was ahead for a while, all later events would
be recorded at that time too, until it has come; servers take no command instead.

Run this when the clock is right again. Events that are there stay as they are stored: nothing changes them. But they are read as
if they had been recorded at the time of this command, and those that come after get the right time. Read models that have seen them
show the false time until they are rebuilt (projections rebuild). See "Clocks" in docs/operations.md.`;

/** `clock accept`: lets recorded time go back once, after Postgres' clock was ahead. */
export const clockAcceptCommand: CommandFactory = (cli) =>
  new Command('accept')
    .description("after Postgres' clock was ahead: record later events at the right time again")
    .option('--yes', 'confirm; without it the command only says what it would do')
    .addHelpText('after', WHAT_IT_MEANS)
    .action(({ yes }: { yes?: boolean }) =>
      withDatabase(cli, async ({ db }) => {
        const [last] = await db.execute<{ position: number; recorded: string; now: string; is_ahead: boolean }>(
          sql`select position, recorded_at::text as recorded, es.now()::text as now, recorded_at > es.now() as is_ahead
              from es.events order by position desc limit 1`,
        );
        if (!last?.is_ahead) {
          print(cli, 'No event is recorded in the future; there is nothing to accept.');
          return;
        }
        const { position, recorded, now } = last;
        const facts = `The last event, ${position}, is recorded at ${recorded}, and Postgres says that it is ${now}.`;
        if (!yes) throw new CliError('NOT_CONFIRMED', `${facts} Nothing was changed. If Postgres is right, add --yes.`);
        await db.execute(sql`insert into es.acceptances (up_to, accepted_at) values (${position}, es.now())`);
        // Servers of releases before 0035 look here. Tenants that share a database have positions of their own, and no such servers.
        if (!sharesDatabase(cli)) await db.execute(sql`update es.store set accepted_position = ${position}`);
        print(
          cli,
          `${facts} Events after ${position} are recorded at the right time. Servers continue within about a second. ` +
            'Read models show the false time until they are rebuilt: projections rebuild --all.',
        );
      }),
    );
