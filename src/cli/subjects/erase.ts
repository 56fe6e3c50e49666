import { userInfo } from 'node:os';
import { Command } from 'commander';
import { SYSTEM } from '../../kernel/define/access/actor.ts';
import { type CommandFactory, print, say } from '../cli.ts';
import { withEngine } from '../context.ts';
import { CliError } from '../errors.ts';

interface EraseOptions {
  readonly reason: string;
  readonly yes?: boolean;
}

/** `subjects erase`: destroys the key of a person's data. */
export const subjectsEraseCommand: CommandFactory = (cli) =>
  new Command('erase')
    .description("destroy the key of a person's data: nobody can ever read it again, also from a backup")
    .argument('<subject>', 'type and id of the person, as `subjects list` shows them')
    .requiredOption('--reason <text>', 'why, for the record; nothing personal, because it stays for ever')
    .option('--yes', 'confirm; without it nothing is changed')
    .addHelpText(
      'after',
      `
The events stay, with [erased] where personal data was, and so do totals and counts. Running servers forget the person within
seconds, and show [erased] from then on. This command waits until every read model has been made again without them, which takes longer
if the log is large; Ctrl-C only ends the waiting.`,
    )
    .action((subject: string, { reason, yes }: EraseOptions) =>
      withEngine(cli, async ({ engine }) => {
        if (!yes) {
          const { events } = await engine.subjects.show(subject);
          throw new CliError(
            'NOT_CONFIRMED',
            `This destroys the personal data in ${events} events of ${subject} for ever; nothing was changed. Add --yes to do it.`,
          );
        }
        // A user who can run this command can do everything. The machine knows their name.
        const actor = { ...SYSTEM, id: `cli:${userInfo().username}` };
        const { position } = await engine.subjects.erase({ subject, reason, actor });
        print(cli, `${subject}: erased; the event at position ${position} says so.`);
        let told = '';
        await engine.subjects.settled(cli.signal, (left) => {
          const now = left.join(', ');
          if (now !== told && now !== '') say(cli, `Being made again: ${now}.`);
          told = now;
        });
        const until = await engine.subjects.plainUntil();
        if (until) {
          print(
            cli,
            `Events from before ${until.toISOString()}, when the store got its keyring, are plain text with what they say of them, and so are read models. Encrypt them with the command subjects encrypt-existing.`,
          );
        } else print(cli, 'No read model has anything of them any more.');
      }),
    );
