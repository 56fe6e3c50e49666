import { Command } from 'commander';
import { MAX_PROOF_BYTES, ProofError, verifyProof } from '../../kernel/proof/inclusion-proof.ts';
import { type OfflineCli, type OfflineCommandFactory, print } from '../cli.ts';
import { openFile, publicKeysOf } from './given-files.ts';
import { originArgument } from './origin-argument.ts';

/** `events verify-proof`: verifies the proof of one event offline. */
export const eventsVerifyProofCommand: OfflineCommandFactory = (cli) =>
  new Command('verify-proof')
    .description('verify the proof of one event with a public key; needs no database and no application')
    .argument('<file>', 'what `events prove` has written, or - for standard input')
    .requiredOption('--key <file>', 'the public key in PEM; several one after the other if the key was changed')
    .option('--origin <hash>', 'the log that it must be of', originArgument)
    .action(async (file: string, { key, origin }: { readonly key: string; readonly origin?: Buffer }) => {
      const keys = await publicKeysOf(cli, key);
      const proof = await readProof(cli, file);
      const { position, content, head, certificate } = verifyProof(proof, keys, origin);
      const signed = `signed ${head.signedAt.toISOString()} with key ${head.keyId}`;
      print(cli, `PROVED: event ${position} is in the log as it was at position ${head.position}, ${signed}.`);
      if (certificate) {
        print(
          cli,
          `ENCRYPTED SINCE: its content is what event ${certificate.position} certifies. Whether it said the same before is not proved.`,
        );
      }
      print(cli, `Log: ${head.origin.toString('hex')}.`);
      print(cli, content);
    });

async function readProof(cli: OfflineCli, file: string): Promise<Buffer> {
  const { chunks } = await openFile(cli, file);
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > MAX_PROOF_BYTES)
      throw new ProofError(`The file is longer than ${MAX_PROOF_BYTES} bytes: it is no proof.`);
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}
