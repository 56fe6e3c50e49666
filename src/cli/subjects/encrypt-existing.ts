import { userInfo } from 'node:os';
import { Command } from 'commander';
import { readEnd } from '../../kernel/audit/chain-origin.ts';
import { SYSTEM } from '../../kernel/define/access/actor.ts';
import { type CommandFactory, print } from '../cli.ts';
import { withEngine } from '../context.ts';
import { CliError } from '../errors.ts';
import { startProgress } from '../output/progress.ts';
import { formatCount } from '../output/table.ts';

/** `subjects encrypt-existing`: encrypts what was stored before there was a keyring. */
export const subjectsEncryptExistingCommand: CommandFactory = (cli) =>
  new Command('encrypt-existing')
    .description('encrypt personal data in events that were stored before there was a keyring')
    .option('--yes', 'confirm; without it nothing is changed')
    .addHelpText(
      'after',
      `
Give all servers KEYRING_URL first: one without it cannot read what is encrypted. They go on meanwhile. If it is interrupted, run
it again. This is the one change of stored events that the log allows: it is recorded, and \`events audit\` tells of it. Backups
from before keep the plain text, and so do the files of the database until VACUUM FULL es.events.`,
    )
    .action(({ yes }: { readonly yes?: boolean }) =>
      withEngine(cli, async ({ engine, database }) => {
        if (!yes) {
          throw new CliError('NOT_CONFIRMED', 'This rewrites stored events; nothing was changed. Add --yes to do it.');
        }
        const total = await readEnd(database.projector.db);
        const progress = startProgress(cli.err, { title: 'Encrypting', unit: 'events', total });
        const actor = { ...SYSTEM, id: `cli:${userInfo().username}` };
        const options = { actor, signal: cli.signal, onProgress: (done: number) => progress.update(done) };
        const { encrypted, left } = await engine.subjects.encryptExisting(options).finally(() => progress.stop());
        print(cli, encrypted === 1 ? '1 event was encrypted.' : `${formatCount(encrypted)} events were encrypted.`);
        if (left.length === 0) return;
        throw new CliError(
          'LEFT_PLAIN',
          `Events with personal data were left as they are, since they have another shape than today's: positions ${left.join(', ')}.`,
        );
      }),
    );
