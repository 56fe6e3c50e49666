import { userInfo } from 'node:os';
import { Command } from 'commander';
import { ParkedOperations } from '../../kernel/process/parked/operations.ts';
import { type CommandFactory, print } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { CliError } from '../errors.ts';

interface PassOverOptions {
  readonly yes?: boolean;
  readonly reason?: string;
}

/** `parked pass-over`: gives up a parked item permanently. */
export const parkedPassOverCommand: CommandFactory = (cli) =>
  new Command('pass-over')
    .description('give up a parked item permanently, so that the items behind it continue')
    .argument('<kind>', 'as process:Shipping or effect:Mails')
    .argument('<line>', 'the line that waits, as `parked list` shows it')
    .argument('<item>', "the event's position, or the deadline's name")
    .option('--yes', 'confirm; without it nothing is changed')
    .option('--reason <text>', 'the reason, for the record')
    .addHelpText(
      'after',
      `
The process is not told of the event or deadline, or the call is not made, ever: rather mend the code and let it be tried
again. Who passed it over, when and why stays in read.parked_items.`,
    )
    .action((kind: string, line: string, item: string, { yes, reason }: PassOverOptions) =>
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
        await new ParkedOperations(db).passOver({ consumer: kind, line, position, deadline }, decision);
        print(cli, `${kind} ${line}: ${what} is skipped as soon as its turn comes.`);
      }),
    );
