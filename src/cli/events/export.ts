import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import type { Database } from '../../database/client.ts';
import { readEnd, readOrigin } from '../../kernel/audit/chain-origin.ts';
import { exportLog } from '../../kernel/audit/export-log.ts';
import { lastHead } from '../../kernel/audit/heads/head-store.ts';
import { READING_CONNECTIONS } from '../../kernel/audit/stored-chain.ts';
import { type Cli, type CommandFactory, say } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { CliError } from '../errors.ts';
import { startProgress } from '../output/progress.ts';
import { formatCount } from '../output/table.ts';
import { positionArgument } from './position-argument.ts';

interface EventExportOptions {
  readonly from: number;
  readonly to?: number;
}

/** `events export`: writes events with all that is needed to verify them offline. */
export const eventsExportCommand: CommandFactory = (cli) =>
  new Command('export')
    .description('write events with their proofs into a file, for somebody who verifies them without the database')
    .argument('<file>', 'the file, or - for standard output')
    .option('--from <position>', 'the first event', positionArgument, 1)
    .option('--to <position>', 'the last event; the end of the log if it is not given', positionArgument)
    .addHelpText(
      'after',
      `
The file is NDJSON: the events as they are stored, byte for byte, with their hashes and the signed heads. It has whatever the
events have, personal data too, so only its owner may read it. Servers may run meanwhile. \`events verify-export\` verifies it.`,
    )
    .action((file: string, options: EventExportOptions) =>
      withDatabase(
        cli,
        async ({ db }) => {
          const { from } = options;
          const to = await lastPosition(db, options);
          const progress = startProgress(cli.err, { title: 'Exporting', unit: 'events', total: to - from + 1 });
          const chunks = exportLog(db, { from, to, signal: cli.signal, onProgress: (done) => progress.update(done) });
          try {
            await (file === '-' ? pipeline(Readable.from(chunks), cli.out, { end: false }) : write(cli, file, chunks));
          } finally {
            progress.stop();
          }
          say(cli, await summaryOf(db, from, to));
        },
        READING_CONNECTIONS,
      ),
    );

/** @throws {CliError} NO_SUCH_POSITION, NOT_CHAINED */
async function lastPosition(db: Database, { from, to }: EventExportOptions): Promise<number> {
  const end = await readEnd(db);
  const last = to ?? end;
  if (last > end || last < from - 1) {
    throw new CliError('NO_SUCH_POSITION', `The log has no events ${from} to ${last}: it ends at position ${end}.`);
  }
  const { completedAt, formerPosition } = await readOrigin(db);
  if (!completedAt && last > formerPosition) {
    throw new CliError(
      'NOT_CHAINED',
      `The events after position ${formerPosition} have no hashes yet: a server computes them in the background. Try again later, or add --to ${formerPosition}.`,
    );
  }
  return last;
}

/** Writes beside the file and renames at the end, so that a file of this name is always whole. */
async function write(cli: Cli, file: string, chunks: AsyncIterable<Buffer>): Promise<void> {
  const path = resolve(cli.folder, file);
  const partial = `${path}.partial`;
  try {
    await pipeline(Readable.from(chunks), createWriteStream(partial, { mode: 0o600 }));
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function summaryOf(db: Database, from: number, to: number): Promise<string> {
  const { hash } = await readOrigin(db);
  const count = `Exported ${formatCount(to - from + 1)} events, ${from} to ${to}, of the log ${hash.toString('hex')}.`;
  const head = await lastHead(db);
  if (!head || head.position < from)
    return `${count} No head signs any of them yet: they prove nothing. Set AUDIT_KEY.`;
  return head.position < to ? `${count} Those after ${head.position} are not signed yet.` : count;
}
