import { userInfo } from 'node:os';
import { Command } from 'commander';
import { ParkedOperations } from '../../kernel/process/parked/operations.ts';
import { type CommandFactory, print } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { CliError } from '../errors.ts';

interface ParkedDiscardOptions {
  readonly yes?: boolean;
  readonly reason?: string;
}

/** `parked discard`: skips a parked item permanently. */
export const parkedDiscardCommand: CommandFactory = (cli) =>
  new Command('discard')
    .description('skip a parked item permanently, and continue with the items behind it')
    .argument('<kind>', 'as process:Shipping or effect:Mails')
    .argument('<partition>', 'the partition that waits, as `parked list` shows it')
    .argument('<item>', "the event's position, or the deadline's name")
    .option('--yes', 'confirm; without it nothing is changed')
    .option('--reason <text>', 'the reason, for the record')
    .addHelpText(
      'after',
      `
The process never sees the event or deadline, or the call is never made. If the code can be corrected, correct it instead: the
item is then retried. Who discarded it, when and why stays in read.parked_items.`,
    )
    .action((kind: string, partition: string, item: string, { yes, reason }: ParkedDiscardOptions) =>
      withDatabase(cli, async ({ db }) => {
        const position = /^\d{1,15}$/.test(item) ? Number(item) : 0;
        const deadline = position > 0 ? '' : item;
        const what = position > 0 ? `the event at position ${position}` : `the deadline ${deadline}`;
        if (!yes) {
          throw new CliError(
            'NOT_CONFIRMED',
            `This skips ${what} permanently in ${kind}; nothing was changed. Add --yes to do it.`,
          );
        }
        const decision = { by: `cli:${userInfo().username}`, reason: reason ?? null };
        await new ParkedOperations(db).discard({ consumer: kind, partition, position, deadline }, decision);
        print(cli, ` : ${what} is skipped as soon as its turn comes.`);
      }),
    );
