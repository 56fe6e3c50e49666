import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { keyIdOf } from '../../kernel/proof/signed-head.ts';
import { type OfflineCli, type OfflineCommandFactory, print } from '../cli.ts';
import { CliError } from '../errors.ts';

/** `audit-key generate`: a pair of keys, one to sign the log with, one to verify it. */
export const auditKeyGenerateCommand: OfflineCommandFactory = (cli) =>
  new Command('generate')
    .description('write a new private key that signs the log, and its public key for auditors; needs no database')
    .argument('<file>', 'of the private key; that of the public key is the same with .pub')
    .action(async (file: string) => {
      const { privateKey, publicKey } = generateKeyPairSync('ed25519');
      // Only the owner of the process may read it.
      await writeNew(cli, file, privateKey.export({ type: 'pkcs8', format: 'pem' }), 0o600);
      await writeNew(cli, `${file}.pub`, publicKey.export({ type: 'spki', format: 'pem' }), 0o644);
      print(cli, `Key ${keyIdOf(publicKey)}:`);
      print(
        cli,
        `${file} signs the log. Give its path to the servers as AUDIT_KEY, and keep a copy where no database is.`,
      );
      print(cli, `${file}.pub verifies it. Give it to auditors, on another way than the exports.`);
    });

async function writeNew(cli: OfflineCli, file: string, text: string | Buffer, mode: number): Promise<void> {
  try {
    await writeFile(resolve(cli.folder, file), text, { flag: 'wx', mode });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new CliError(
      'FILE_EXISTS',
      `${file} is there already: a key that has signed is needed for ever. Name another file.`,
    );
  }
}
