import { Command, InvalidArgumentError } from 'commander';
import { knownSubjects } from '../../kernel/subjects/known-subjects.ts';
import { type CommandFactory, print, printJson } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { formatTable } from '../output/table.ts';

interface ListOptions {
  readonly after?: string;
  readonly limit: number;
  readonly json?: boolean;
}

/** `subjects list`: the people whom events are about. */
export const subjectsListCommand: CommandFactory = (cli) =>
  new Command('list')
    .description('show the people whom encrypted events are about')
    .option('--limit <n>', 'how many', wholeNumber, 50)
    .option('--after <subject>', 'those after this one')
    .option('--json', 'as JSON')
    .action(({ after, limit, json }: ListOptions) =>
      withDatabase(cli, async ({ db }) => {
        const found = await knownSubjects(db, after ?? '', limit);
        if (json) return printJson(cli, found);
        if (found.length === 0) print(cli, 'There is nobody.');
        const rows = found.map(({ subject, events, erasedAt }) => ({
          subject,
          events,
          erased: erasedAt?.toISOString() ?? '',
        }));
        for (const line of formatTable(rows)) print(cli, line);
        if (found.length === limit) print(cli, `There may be more: --after ${found.at(-1)?.subject}`);
      }),
    );

function wholeNumber(value: string): number {
  const number = Number(value);
  if (!/^\d{1,5}$/.test(value) || number === 0) throw new InvalidArgumentError('It is a whole number from 1 to 99999.');
  return number;
}
