import { Command } from 'commander';
import { isProved, verdictLines } from '../../kernel/proof/verdict.ts';
import { verifyExport } from '../../kernel/proof/verify-export.ts';
import { type OfflineCli, type OfflineCommandFactory, print } from '../cli.ts';
import { CliError } from '../errors.ts';
import { startProgress } from '../output/progress.ts';
import { openFile, publicKeysOf, textLines } from './given-files.ts';
import { originArgument } from './origin-argument.ts';

interface VerifyExportCommandOptions {
  readonly key: string;
  readonly origin?: Buffer;
  readonly witness?: string;
}

/** `events verify-export`: verifies an export offline. */
export const eventsVerifyExportCommand: OfflineCommandFactory = (cli) =>
  new Command('verify-export')
    .description('verify an export of the log with a public key; needs no database and no application')
    .argument('<file>', 'the export, or - for standard input')
    .requiredOption('--key <file>', 'the public key in PEM; several one after the other if the key was changed')
    .option('--origin <hash>', 'the log that it must be of', originArgument)
    .option(
      '--witness <file>',
      'what a witness has: the file that AUDIT_WITNESS names, or bodies of its requests, a line each',
    )
    .addHelpText(
      'after',
      `
Says which events are proved to be what the owner of the key has signed, of which log, which are not, and the first position
that is wrong. One key may sign several logs: with --origin it must be the log that has this hash before its first event.
With --witness the export must reach the last head of the witness, so that a log without its end is found out. Exit code 1 if
anything is wrong or no event is proved. The package has the same as a short script without dependencies, for those who
prefer to read what they rely on: audit/verify-export.mjs`,
    )
    .action(async (file: string, options: VerifyExportCommandOptions) => verify(cli, file, options));

async function verify(
  cli: OfflineCli,
  file: string,
  { key, origin, witness }: VerifyExportCommandOptions,
): Promise<void> {
  const keys = await publicKeysOf(cli, key);
  const { chunks, bytes } = await openFile(cli, file);
  const heads = witness === undefined ? undefined : await openFile(cli, witness);
  const progress =
    bytes === undefined ? undefined : startProgress(cli.err, { title: 'Verifying', unit: 'bytes', total: bytes });
  const verdict = await verifyExport(chunks, {
    ...{ keys, origin },
    witness: heads && textLines(heads),
    onProgress: (done) => {
      cli.signal.throwIfAborted();
      progress?.update(done);
    },
  }).finally(() => progress?.stop());
  for (const line of verdictLines(verdict)) print(cli, line);
  if (verdict.fault) {
    throw new CliError('LOG_ALTERED', `The export is not what was written, from position ${verdict.fault.from} on.`);
  }
  if (!isProved(verdict)) {
    throw new CliError(
      'NOT_PROVED',
      'No event in the export is signed. Export events that have a signed head after them.',
    );
  }
}
