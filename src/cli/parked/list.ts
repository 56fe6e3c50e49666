import { Command } from 'commander';
import { type ParkedItem, ParkedOperations } from '../../kernel/process/parked/operations.ts';
import { type CommandFactory, print } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { formatTable } from '../output/table.ts';

const PAGE = 500;

/** `parked list`: shows what processes and effects cannot do for now. */
export const parkedListCommand: CommandFactory = (cli) =>
  new Command('list')
    .description('show parked items of processes and effects, and what waits behind them')
    .argument('[kind]', 'only of one kind, as process:Shipping or effect:Mails')
    .option('--json', 'one JSON object per line')
    .action((kind: string | undefined, { json }: { json?: boolean }) =>
      withDatabase(cli, async ({ db }) => {
        const found = await allParked(new ParkedOperations(db), kind);
        if (json) {
          for (const item of found) print(cli, JSON.stringify(item));
          return;
        }
        if (found.length === 0) print(cli, 'Nothing is parked.');
        for (const line of formatTable(found.map(rowOf))) print(cli, line);
      }),
    );

function rowOf({
  consumer,
  partition,
  position,
  eventType,
  deadline,
  parkedAt,
  retryAt,
  isDiscarded,
  ...item
}: ParkedItem) {
  const { attempts, code, error } = item;
  return {
    kind: consumer,
    partition,
    // A position is a name here: no thousands separators.
    item: deadline === '' ? `${position}` : deadline,
    event: eventType ?? '(deadline)',
    since: parkedAt.toISOString(),
    attempts,
    next: isDiscarded ? 'is discarded' : (retryAt?.toISOString() ?? 'after those before it'),
    error: error === null ? '' : `${code}: ${error}`,
  };
}

async function allParked(operations: ParkedOperations, kind: string | undefined): Promise<ParkedItem[]> {
  const found: ParkedItem[] = [];
  for (;;) {
    const page = await operations.list(kind, PAGE, found.at(-1));
    found.push(...page);
    if (page.length < PAGE) return found;
  }
}
