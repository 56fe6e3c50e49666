import { Command } from 'commander';
import { subjectDetails } from '../../kernel/subjects/known-subjects.ts';
import { type CommandFactory, print, printJson } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { formatTable } from '../output/table.ts';

/** `subjects show`: what the log has of one person, without any of their data. */
export const subjectsShowCommand: CommandFactory = (cli) =>
  new Command('show')
    .description('show which events are about a person, and whether they were erased')
    .argument('<subject>', 'type and id of the person')
    .option('--json', 'as JSON')
    .action((text: string, { json }: { readonly json?: boolean }) =>
      withDatabase(cli, async ({ db }) => {
        const found = await subjectDetails(db, text);
        if (json) return printJson(cli, found);
        const { subject, events, firstAt, lastAt, types, erasures } = found;
        if (events === 0) print(cli, `No encrypted event is about ${subject}.`);
        else print(cli, `${subject}: from ${firstAt?.toISOString()} to ${lastAt?.toISOString()}`);
        for (const line of formatTable(types.map(({ type, events: count }) => ({ type, events: count }))))
          print(cli, line);
        for (const { at, by, reason, position } of erasures) {
          print(cli, `Erased at ${at.toISOString()} by ${by} (position ${position}): ${reason}`);
        }
        if (erasures.length === 0) print(cli, 'Never erased.');
      }),
    );
