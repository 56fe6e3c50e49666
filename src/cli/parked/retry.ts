import { Command } from 'commander';
import { ParkedOperations } from '../../kernel/process/parked/operations.ts';
import { type CommandFactory, print } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { formatCount } from '../output/table.ts';

/** `parked retry`: retries parked items at once. */
export const parkedRetryCommand: CommandFactory = (cli) =>
  new Command('retry')
    .description('retry parked items now instead of after their pause')
    .argument('[kind]', 'only of one kind, as process:Shipping or effect:Mails')
    .argument('[partition]', 'only the items of one partition, as `parked list` shows it')
    .addHelpText(
      'after',
      `
The server or worker that runs the kind tries them within a second; if none runs it, they are tried when one does. Items that
wait for others in their partition follow by themselves. \`parked list\` shows what is left.`,
    )
    .action((kind: string | undefined, partition: string | undefined) =>
      withDatabase(cli, async ({ db }) => {
        const count = await new ParkedOperations(db).retry(kind, partition);
        print(
          cli,
          count === 0 ? 'Nothing is parked there.' : `${formatCount(count)} ${count === 1 ? 'is' : 'are'} tried again.`,
        );
      }),
    );
