import type { KeyObject } from 'node:crypto';
import { Command } from 'commander';
import type { Database } from '../../database/client.ts';
import { type Audit, auditLog } from '../../kernel/audit/audit-log.ts';
import { readEnd } from '../../kernel/audit/chain-origin.ts';
import { READING_CONNECTIONS } from '../../kernel/audit/stored-chain.ts';
import { readSigningKey } from '../../server/audit/signing.ts';
import { type Cli, type CommandFactory, print } from '../cli.ts';
import { withDatabase } from '../context.ts';
import { CliError } from '../errors.ts';
import { startProgress } from '../output/progress.ts';
import { formatCount } from '../output/table.ts';
import { openFile, publicKeysOf, textLines } from './given-files.ts';
import { positionArgument } from './position-argument.ts';
import { printDamages } from './print-damages.ts';

interface EventAuditOptions {
  readonly from?: number;
  readonly to?: number;
  readonly key?: string;
  readonly witness?: string;
}

/** `events audit`: proves that the stored log is what was written. */
export const eventsAuditCommand: CommandFactory = (cli) =>
  new Command('audit')
    .description('verify that nobody has changed the log: its hashes, and the heads that were signed')
    .addHelpText(
      'after',
      `
It changes nothing, migrates nothing and needs no server. What is wrong is a line of its position and the reason: the first
event that was altered, removed, inserted or reordered, or the range in which it is. Exit code 1 if there is any such line.

Heads are verified with the public keys of --key, or else with AUDIT_KEY. Without either, a change by somebody who has computed
all later hashes again is not found. --witness compares with heads that the owner of the database could not change.

Without --from and --to it also checks that the log is complete, as \`events check\` does: positions, versions of streams,
receipts and checkpoints.`,
    )
    .option('--from <position>', 'the first event to verify', positionArgument)
    .option('--to <position>', 'the last event to verify', positionArgument)
    .option('--key <file>', 'public keys in PEM')
    .option('--witness <file>', 'the file of a witness, or the bodies that a webhook has received, a line each')
    .action((options: EventAuditOptions) =>
      withDatabase(
        cli,
        async ({ db, config }) => {
          const keys = await keysOf(cli, options.key, config.auditKey);
          const audit = await verify(cli, db, options, keys);
          const { fault } = audit;
          if (fault) {
            const place = fault.from === fault.to ? `${fault.from}` : `${fault.from}-${fault.to}`;
            print(cli, `${place}\t${fault.message}`);
          }
          const isWhole = options.from === undefined && options.to === undefined;
          const damaged = isWhole ? await printDamages(cli, db, audit.end) : undefined;
          const first = Math.min(fault?.from ?? Number.POSITIVE_INFINITY, damaged ?? Number.POSITIVE_INFINITY);
          if (first < Number.POSITIVE_INFINITY) {
            throw new CliError(
              'LOG_ALTERED',
              `The log is not what was written, from position ${first} on. Keep the database as it is, and find out who changed it.`,
            );
          }
          for (const sentence of whatIsProved(audit, keys.size > 0)) print(cli, sentence);
        },
        READING_CONNECTIONS,
      ),
    );

async function keysOf(
  cli: Cli,
  file: string | undefined,
  auditKey: string | undefined,
): Promise<ReadonlyMap<string, KeyObject>> {
  if (file !== undefined) return publicKeysOf(cli, file);
  return auditKey === undefined ? new Map() : readSigningKey(auditKey).publicKeys;
}

async function verify(
  cli: Cli,
  db: Database,
  { from, to, witness }: EventAuditOptions,
  keys: ReadonlyMap<string, KeyObject>,
): Promise<Audit> {
  const lines = witness === undefined ? undefined : textLines(await openFile(cli, witness));
  const total = Math.min(await readEnd(db), to ?? Number.POSITIVE_INFINITY) - (from ?? 1) + 1;
  const progress = startProgress(cli.err, { title: 'Verifying', unit: 'events', total: Math.max(0, total) });
  try {
    return await auditLog(db, {
      ...{ from, to, keys, signal: cli.signal },
      witness: lines,
      onProgress: (events) => progress.update(events),
    });
  } finally {
    progress.stop();
  }
}

/** What was verified, and what it does not prove. */
function whatIsProved(
  { from, to, heads, witnessed, witnessedUntil, lastHead, origin, encrypted, uncertified }: Audit,
  hasKeys: boolean,
): string[] {
  const sentences = [
    `The events ${from} to ${to} (${formatCount(Math.max(0, to - from + 1))}) form an unbroken chain.`,
  ];
  if (lastHead) {
    const whose = [
      heads > 0 ? `${formatCount(heads)} heads of the log` : '',
      witnessed > 0 ? `${formatCount(witnessed)} of the witness` : '',
    ];
    sentences.push(
      `Up to ${lastHead.position} they are what was signed, last at ${lastHead.signedAt.toISOString()}: they agree with ${whose.filter(Boolean).join(' and ')}.`,
    );
    if (witnessed > 0) sentences.push(`The witness reaches up to ${witnessedUntil}.`);
  }
  const unsigned = to - (lastHead?.position ?? from - 1);
  if (unsigned > 0) {
    const why = hasKeys || witnessed > 0 ? 'no head covers them' : 'no key was given to verify heads with';
    sentences.push(
      `The last ${formatCount(unsigned)} are not proved, since ${why}: whoever can write to the database could have written them anew.`,
    );
  }
  if (encrypted > 0) {
    sentences.push(
      `${formatCount(encrypted)} of them were encrypted after they were recorded, as signed events certify. Whether they said the same before is not proved.`,
    );
  }
  if (uncertified > 0) {
    sentences.push(
      `${formatCount(uncertified)} of them were encrypted after they were recorded, and no head covers the events that certify it: their content is not proved.`,
    );
  }
  if (!origin.completedAt) {
    sentences.push('Older events are still being hashed: the chain proves nothing yet.');
  } else if (from <= origin.formerPosition) {
    sentences.push(
      `The events up to ${origin.formerPosition} are older than the chain: they are as they were at ${origin.completedAt.toISOString()}.`,
    );
  }
  return sentences;
}
