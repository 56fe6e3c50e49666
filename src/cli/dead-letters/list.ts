import { Command } from 'commander';
import type { DeadLetters, ParkedKey } from '../../kernel/read/dead-letters/dead-letters.ts';
import { type CommandFactory, print } from '../cli.ts';
import { formatTable } from '../output/table.ts';
import { withDeadLetters } from './shared.ts';

const PAGE = 500;

/** `dead-letters list`: the events that read models could not apply. */
export const deadLettersListCommand: CommandFactory = (cli) =>
  new Command('list')
    .description('show the events that read models could not apply, and how many wait behind each')
    .argument('[projection]', 'only of one read model')
    .option('--json', 'one JSON object per line')
    .action((projection: string | undefined, { json }: { json?: boolean }) =>
      withDeadLetters(cli, async (deadLetters) => {
        const found = await allKeys(deadLetters, projection);
        if (json) {
          for (const key of found) print(cli, JSON.stringify(key));
          return;
        }
        if (found.length === 0) print(cli, 'There are no dead letters.');
        const table = found.map(({ projection, key, position, eventType, parkedAt, behind, error }) => ({
          projection,
          key,
          // A position is a name here: no thousands separators.
          position: String(position),
          event: eventType,
          since: parkedAt.toISOString(),
          behind,
          error: error ?? '(not tried yet)',
        }));
        for (const line of formatTable(table)) print(cli, line);
      }),
    );

/** Every key under which events wait. */
export async function allKeys(deadLetters: DeadLetters, projection: string | undefined): Promise<ParkedKey[]> {
  const found: ParkedKey[] = [];
  for (;;) {
    const page = await deadLetters.keys(projection, PAGE, found.at(-1));
    found.push(...page);
    if (page.length < PAGE) return found;
  }
}
