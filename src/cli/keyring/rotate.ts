import { Command } from 'commander';
import { sql } from 'drizzle-orm';
import { isKeyringOf, noteGeneration } from '../../kernel/privacy/claim-keyring.ts';
import { type Keyring, KeyringError } from '../../kernel/privacy/keyring.ts';
import { keyringOf } from '../../kernel/privacy/open-keyring.ts';
import { rewrapKeys } from '../../kernel/privacy/rewrap.ts';
import { keyringOfTenant } from '../../kernel/privacy/tenant-keyring.ts';
import { pause } from '../../scheduling/sleeper.ts';
import { type Cli, type CommandFactory, print } from '../cli.ts';
import { type PostgresContext, withServer } from '../context.ts';
import { CliError } from '../errors.ts';
import { startProgress } from '../output/progress.ts';
import { formatCount } from '../output/table.ts';
import { eachStore } from './stores.ts';

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
Run it if somebody may have seen the keyring, or as often as your rules say. Servers go on meanwhile. If it is interrupted, run it again.
If the application has tenants, the keys of all of them are wrapped again: they have one keyring.`,
    )
    .action(({ forgetFormer = false }: RotateOptions) =>
      withServer(cli, async (server) => {
        const keyring = await keyringOf(server.config, cli.app);
        if (!keyring) throw new CliError('KEYRING_UNSET', 'Set KEYRING_URL to the keyring of this store.');
        await refuseUnknown(cli, server, keyring);
        await keyring.rotate();
        let count = await rewrapAll(cli, server, keyring);
        if (forgetFormer) {
          await pause(SERVERS_FOLLOW_MS, cli.signal);
          // Former secrets are destroyed only when no key of any store needs them.
          for (let left = 1; left > 0; count += left) {
            cli.signal.throwIfAborted();
            left = await rewrapAll(cli, server, keyring);
          }
          await keyring.rotate({ forgetsFormer: true });
        }
        print(cli, `The keyring has a new secret, and ${formatCount(count)} keys are wrapped with it.`);
      }),
    );

/** @throws {KeyringError} KEYRING_FOREIGN if a store has another keyring, or none has this one; KEYRING_OUTDATED */
async function refuseUnknown(cli: Cli, server: PostgresContext, keyring: Keyring): Promise<void> {
  let known = 0;
  await eachStore(cli, server, async ({ db }) => {
    if (await isKeyringOf(db, keyring)) known++;
  });
  if (known > 0) return;
  throw new KeyringError(
    'KEYRING_FOREIGN',
    `Nothing here is encrypted with the keyring ${keyring.id}, so nothing was changed. Correct KEYRING_URL or DATABASE_URL.`,
  );
}

/** @returns the number of keys, in all stores, that were wrapped again. */
async function rewrapAll(cli: Cli, server: PostgresContext, keyring: Keyring): Promise<number> {
  let changed = 0;
  await eachStore(cli, server, async ({ db, tenant }) => {
    const of = tenant === undefined ? keyring : keyringOfTenant(keyring, tenant);
    // A tenant may have come meanwhile, with a server that has another keyring.
    // From here on, servers that are stalled keep no keys that are wrapped with a former secret.
    if (await isKeyringOf(db, of)) await noteGeneration(db, of);
    const [stored] = await db.execute<{ total: number }>(sql`select count(*)::int as total from es.subject_keys`);
    const title = tenant === undefined ? 'Wrapping' : `Wrapping for ${tenant}`;
    const progress = startProgress(cli.err, { title, unit: 'keys', total: stored?.total ?? 0 });
    try {
      changed += await rewrapKeys(db, of, { signal: cli.signal, onProgress: (done) => progress.update(done) });
    } finally {
      progress.stop();
    }
  });
  return changed;
}
