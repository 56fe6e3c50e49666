import { Command } from 'commander';
import { DeadLetterNotFoundError } from '../../kernel/read/dead-letters/errors.ts';
import type { CommandFactory } from '../cli.ts';
import { CliError } from '../errors.ts';
import { formatCount } from '../output/table.ts';
import { allKeys } from './list.ts';
import { printOutcome, withDeadLetters } from './shared.ts';

/** `dead-letters retry`: applies waiting events once the cause is corrected. */
export const deadLettersRetryCommand: CommandFactory = (cli) =>
  new Command('retry')
    .description('apply the waiting events, in order and as far as possible')
    .argument('[projection]', 'the read model')
    .argument('[key]', 'type and id of the stream that failed, as `dead-letters list` shows it')
    .option('--all', 'all keys of the read model, or of all read models')
    .addHelpText(
      'after',
      `
Run it with the version of the application that corrects the fault. Servers may keep running meanwhile. Exit code 1 if events still
wait under a key; the line of the key says why.`,
    )
    .action((projection: string | undefined, key: string | undefined, { all }: { all?: boolean }) =>
      withDeadLetters(cli, async (deadLetters) => {
        if (key === undefined ? !all : all) {
          throw new CliError('WHAT_TO_RETRY', 'Name a read model and a key, or use --all instead of the key.');
        }
        const keys =
          projection !== undefined && key !== undefined
            ? [{ projection, key }]
            : await allKeys(deadLetters, projection);
        let stuck = 0;
        for (const one of keys) {
          cli.signal.throwIfAborted();
          const outcome = await deadLetters.retry(one.projection, one.key).catch((error: unknown) => {
            // It was retried together with another key, to which it turned out to belong.
            if (all && error instanceof DeadLetterNotFoundError) return undefined;
            throw error;
          });
          if (outcome && !printOutcome(cli, one.projection, one.key, outcome)) stuck++;
        }
        if (stuck > 0)
          throw new CliError(
            'STILL_WAITING',
            `Events still wait under ${formatCount(stuck)} of ${formatCount(keys.length)} keys.`,
          );
      }),
    );
