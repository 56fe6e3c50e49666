import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { verifyExport as verifyByScript } from '../audit/verify-export.mjs';
import { type Database, openPool } from '../src/database/client.ts';
import { auditLog } from '../src/kernel/audit/audit-log.ts';
import { exportLog } from '../src/kernel/audit/export-log.ts';
import { SignerLease } from '../src/kernel/audit/heads/head-store.ts';
import { type SigningKey, signNextHead } from '../src/kernel/audit/heads/next-head.ts';
import { proveEvent } from '../src/kernel/audit/prove-event.ts';
import { READING_CONNECTIONS } from '../src/kernel/audit/stored-chain.ts';
import { proofLine, verifyProof } from '../src/kernel/proof/inclusion-proof.ts';
import { keyIdOf } from '../src/kernel/proof/signed-head.ts';
import { isProved } from '../src/kernel/proof/verdict.ts';
import { verifyExport } from '../src/kernel/proof/verify-export.ts';
import type { Benchmark } from './support/measuring/benchmark.ts';
import { atLeast, atMost, type Measurement } from './support/measuring/result.ts';
import { inTurn, perSecond } from './support/measuring/rounds.ts';
import { median } from './support/measuring/statistics.ts';
import { openEngine, prepareDatabase } from './support/running/engine.ts';
import { EVENTS_PER_STREAM, writeLog } from './support/running/replayed-log.ts';

const EVENTS = 200_000;
const QUICK_EVENTS = 2000;
/** The log is signed so often while it is written. */
const HEADS = 20;
const AUDITING = 'Auditing the database';
const EXPORTING = 'Exporting';
const VERIFYING = 'Verifying an export';
const PROVING = 'One event: proving, verifying';
const PROOF_SIZE = 'One event: its proof';

/** What somebody who audits the log waits for, and how large are the files that they get. */
export const benchmark: Benchmark = {
  name: 'proof',
  run: async ({ postgres, rounds, quick, say }) => {
    const events = quick ? QUICK_EVENTS : EVENTS;
    const url = await prepareDatabase(postgres, 'proof');
    const engine = await openEngine(url);
    // As the commands do.
    const pool = openPool({ url, connections: READING_CONNECTIONS, applicationName: 'bench' });
    const folder = await mkdtemp(join(tmpdir(), 'afterwrite-proof-'));
    const file = join(folder, 'log.ndjson');
    const { db } = engine.database.owner;
    const { signal } = new AbortController();
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const keys = new Map([[keyIdOf(publicKey), publicKey]]);
    try {
      for (let part = 0; part < HEADS; part++) {
        await writeLog(engine.log, events / EVENTS_PER_STREAM / HEADS);
        await sign(db, { privateKey, publicKeys: keys });
      }
      say(`  ${events.toLocaleString('en')} events have been written and signed`);
      const exported = () =>
        pipeline(Readable.from(exportLog(pool.db, { from: 1, to: events, signal })), createWriteStream(file));
      await exported();
      const position = Math.ceil(events * 0.987);
      const prove = async () => {
        const proof = await proveEvent(db, position, signal);
        if (!proof) throw new Error('The event is not signed.');
        return Buffer.from(proofLine(proof));
      };
      const proof = await prove();
      const { content } = verifyProof(proof, keys);
      const measured = await inTurn(
        [
          {
            ...{ chart: AUDITING, at: '', who: 'Afterwrite: events audit', unit: 'events/s' },
            run: () =>
              perSecond(events, async () => {
                const { fault, heads, to } = await auditLog(pool.db, { keys, signal });
                if (fault || heads !== HEADS || to !== events) throw fault ?? new Error('Not all was verified.');
              }),
          },
          {
            chart: EXPORTING,
            at: '',
            who: 'Afterwrite: events export',
            unit: 'events/s',
            run: () => perSecond(events, exported),
          },
          {
            ...{ chart: VERIFYING, at: '', who: 'Afterwrite: events verify-export', unit: 'events/s' },
            run: () =>
              perSecond(events, async () => {
                const verdict = await verifyExport(createReadStream(file, { highWaterMark: 2 ** 20 }), { keys });
                if (!isProved(verdict) || verdict.heads !== HEADS) throw new Error('The export was not verified.');
              }),
          },
          {
            ...{ chart: VERIFYING, at: '', who: 'Afterwrite: the script for auditors', unit: 'events/s' },
            run: () =>
              perSecond(events, async () => {
                const { fault, heads } = await verifyByScript(createReadStream(file, 'latin1'), [publicKey]);
                if (fault || heads !== HEADS) throw new Error('The export was not verified.');
              }),
          },
          { chart: PROVING, at: '', who: 'Afterwrite: events prove', unit: 'ms', run: () => msOf(prove) },
          {
            ...{ chart: PROVING, at: '', who: 'Afterwrite: events verify-proof', unit: 'ms' },
            run: () => msOf(async () => verifyProof(proof, keys)),
          },
        ],
        rounds,
        say,
      );
      const { size } = await stat(file);
      const each = (chart: string, who: string, value: number): Measurement => ({
        ...{ chart, at: '', who, unit: 'bytes' },
        rounds: Array.from({ length: rounds }, () => value),
      });
      const [auditing, exporting, verifying, byScript] = measured;
      return {
        benchmark: 'proof',
        setting:
          `Proof: a log of ${events.toLocaleString('en')} small events on ${(events / EVENTS_PER_STREAM).toLocaleString('en')} streams, with ` +
          `${HEADS} signed heads, is verified in the database and exported into a file (one process and two connections); the file is ` +
          'verified by the product and by the script for auditors, each with one core; one event near the end of the log is proved against the head after it.',
        measurements: [
          ...measured,
          each('An export, for an event', 'Afterwrite: with its hash', size / events),
          each(PROOF_SIZE, 'Afterwrite: the event', Buffer.byteLength(content)),
          each(PROOF_SIZE, 'Afterwrite: the event with its proof', proof.length),
        ],
        ratios: [],
        goals: [
          atLeast(200_000, 'events/s verified in the database', median(auditing.rounds)),
          atLeast(100_000, 'events/s exported', median(exporting.rounds)),
          atLeast(200_000, 'events/s verified', median(verifying.rounds)),
          atLeast(50_000, 'events/s verified by the script', median(byScript.rounds)),
          atMost(3072, 'bytes for the proof of an event, besides the event', proof.length - Buffer.byteLength(content)),
        ],
      };
    } finally {
      await Promise.all([engine.close(), pool.close()]);
      await rm(folder, { recursive: true });
    }
  },
};

/** Signs the log as far as it goes. */
async function sign(db: Database, key: SigningKey): Promise<void> {
  const lease = new SignerLease(db, randomUUID());
  await lease.take();
  const next = await signNextHead(db, key, new Date(), AbortSignal.timeout(60_000));
  if (!next || !(await lease.store(next.position, next.signed, next.peaks, next.before))) {
    throw new Error('The log could not be signed.');
  }
  await lease.release();
}

async function msOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
