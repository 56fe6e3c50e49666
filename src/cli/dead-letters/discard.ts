import { userInfo } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { type CommandFactory, print } from '../cli.ts';
import { CliError } from '../errors.ts';
import { printOutcome, withDeadLetters } from './shared.ts';

interface DiscardOptions {
  readonly yes?: boolean;
  readonly reason?: string;
}

/** `dead-letters discard`: skips an event permanently. */
export const deadLettersDiscardCommand: CommandFactory = (cli) =>
  new Command('discard')
    .description('skip the first waiting event of a key permanently, and apply those behind it')
    .argument('<projection>', 'the read model')
    .argument('<key>', 'type and id of the stream that failed, as `dead-letters list` shows it')
    .argument('<position>', "the event's position, so that no other event is skipped", position)
    .option('--yes', 'confirm; without it nothing is changed')
    .option('--reason <text>', 'the reason, for the record')
    .addHelpText(
      'after',
      `
The read model will be without what the event says: if the fold can be corrected, correct it and retry instead. The event stays in the log, and in other
read models. A rebuild by the same version of the read model skips it too; one by a newer version does not.`,
    )
    .action((projection: string, key: string, position: number, { yes, reason }: DiscardOptions) =>
      withDeadLetters(cli, async (deadLetters) => {
        if (!yes) {
          throw new CliError(
            'NOT_CONFIRMED',
            `This skips the event at position ${position} permanently in ${projection}; nothing was changed. Add --yes to do it.`,
          );
        }
        const by = { by: `cli:${userInfo().username}`, reason: reason ?? null };
        const outcome = await deadLetters.discard(projection, key, position, by);
        print(cli, `${projection} ${key}: the event at position ${position} is skipped.`);
        if (!printOutcome(cli, projection, key, outcome)) {
          throw new CliError(
            'STILL_WAITING',
            `The event at position ${outcome.error?.position} cannot be applied either.`,
          );
        }
      }),
    );

function position(value: string): number {
  const number = Number(value);
  if (!/^\d{1,15}$/.test(value) || number === 0) throw new InvalidArgumentError('It is a whole number, 1 or more.');
  return number;
}
