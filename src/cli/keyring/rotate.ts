import { Command } from 'commander';
import { sql } from 'drizzle-orm';
import type { Keyring } from '../../kernel/privacy/keyring.ts';
import { keyringOf } from '../../kernel/privacy/open-keyring.ts';
import { rewrapKeys } from '../../kernel/privacy/rewrap.ts';
import { pause } from '../../scheduling/sleeper.ts';
import { type CommandFactory, print } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { CliError } from '../errors.ts';
import { startProgress } from '../output/progress.ts';
import { formatCount } from '../output/table.ts';

/** By then, every server wraps with the new generation, in ms. */
const SERVERS_FOLLOW_MS = 3000;

interface RotateOptions {
  readonly forgetFormer?: boolean;
}

/** `keyring rotate`: a new generation of the keyring, with which all data keys are wrapped again. */
export const keyringRotateCommand: CommandFactory = (cli) =>
  new Command('rotate')
    .description('give the keyring a new secret, and wrap all keys with it; events are not touched')
    .option(
      '--forget-former',
      'destroy the former secrets: personal data in older backups of the database cannot be read any more',
    )
    .addHelpText(
      'after',
      `
Run it if somebody may have seen the keyring, or as often as your rules say. Servers go on meanwhile. If it is interrupted, run it again.`,
    )
    .action(({ forgetFormer = false }: RotateOptions) =>
      withDatabase(cli, async ({ config, db }) => {
        const keyring = await keyringOf(config, cli.app);
        if (!keyring) throw new CliError('KEYRING_UNSET', 'Set KEYRING_URL to the keyring of this store.');
        await keyring.rotate();
        const count = await rewrapAll(keyring);
        if (forgetFormer) {
          await pause(SERVERS_FOLLOW_MS, cli.signal);
          cli.signal.throwIfAborted();
          await rewrapAll(keyring);
          await keyring.rotate({ forgetsFormer: true });
        }
        print(cli, `The keyring has a new secret, and ${formatCount(count)} keys are wrapped with it.`);

        async function rewrapAll(of: Keyring): Promise<number> {
          const [stored] = await db.execute<{ total: number }>(sql`select count(*)::int as total from es.subject_keys`);
          const progress = startProgress(cli.err, { title: 'Wrapping', unit: 'keys', total: stored?.total ?? 0 });
          try {
            return await rewrapKeys(db, of, { signal: cli.signal, onProgress: (done) => progress.update(done) });
          } finally {
            progress.stop();
          }
        }
      }),
    );
