import { Command } from 'commander';
import { FileKeyring } from '../../kernel/privacy/file-keyring/file-keyring.ts';
import { KeyringError } from '../../kernel/privacy/keyring.ts';
import { keyringPath } from '../../kernel/privacy/open-keyring.ts';
import { type Cli, type CommandFactory, print } from '../cli.ts';
import { CliError } from '../errors.ts';

/** `keyring create`: makes the file that KEYRING_URL names. */
export const keyringCreateCommand: CommandFactory = (cli) =>
  new Command('create')
    .description('create the keyring that KEYRING_URL names, a file; needs no database')
    .addHelpText(
      'after',
      `
From then on, servers with this KEYRING_URL encrypt personal data in the log. Whoever loses the file loses that data: keep one copy of
it, apart from the backups of the database, and replace the copy after each erasure. All servers need the same file.`,
    )
    .action(async () => {
      const path = chosenPath(cli);
      const { id } = await FileKeyring.create(path);
      print(cli, `${path} is the keyring ${id}. Only its owner can read it.`);
    });

/** @throws {CliError} KEYRING_UNSET {@link KeyringError} */
function chosenPath({ env: { KEYRING_URL: url } }: Cli): string {
  if (!url)
    throw new CliError('KEYRING_UNSET', 'Set KEYRING_URL to where it should be, such as file:/etc/shop/keyring.');
  const path = keyringPath(url);
  if (path !== undefined) return path;
  throw new KeyringError(
    'KEYRING_UNAVAILABLE',
    'KEYRING_URL names no file. Only keyrings in files are created with this command.',
  );
}
