import type { KeyObject } from 'node:crypto';
import type { Database } from '../../../database/client.ts';
import { ChainVerifier } from '../../proof/chain-verifier.ts';
import { LogFault } from '../../proof/log-fault.ts';
import { headHash, keyIdOf, type SignedHead, signHead } from '../../proof/signed-head.ts';
import { readEnd, readOrigin } from '../chain-origin.ts';
import { StoredChain } from '../stored-chain.ts';
import { lastHead } from './head-store.ts';
import { refuseHeadsBeforeCompletion, verifyStoredHead } from './verify-head.ts';

/** Maximum number of events between a head and the one before. With a limit, the first head of a long log comes soon. */
const MOST_EVENTS = 100_000;

/** The private key that signs heads, and the public keys whose heads it continues. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  /** By their ids; its own among them. */
  readonly publicKeys: ReadonlyMap<string, KeyObject>;
}

/** A head that is signed, and not stored yet. */
export interface NextHead {
  readonly position: number;
  readonly signed: SignedHead;
  readonly peaks: readonly Buffer[];
  /** Position of the head before; 0 for the first one. */
  readonly before: number;
  /** True if there are more events than it covers. */
  readonly hasMore: boolean;
}

/**
 * Signs the state of the log as far as it goes. It reads the events since the last head, and verifies their chain: what it signs
 * is what it has read.
 * @param now when it is signed.
 * @param renew called after each page that was read, which may take long.
 * @returns undefined if there is nothing new, or former events are still being chained.
 * @throws {LogFault} if the log, or its last head, is not what was written. Nothing is signed then.
 */
export async function signNextHead(
  db: Database,
  { privateKey, publicKeys }: SigningKey,
  now: Date,
  signal: AbortSignal,
  renew: () => Promise<void> = async () => {},
): Promise<NextHead | undefined> {
  const origin = await readOrigin(db);
  const last = await lastHead(db);
  refuseHeadsBeforeCompletion(origin, last?.position);
  if (!origin.completedAt) return undefined;
  const before = last?.position ?? 0;
  const end = await readEnd(db);
  if (end < before)
    throw new LogFault(`the log ends at ${end}, and a head of position ${before} was signed`, end + 1, before);
  const until = Math.min(end, before + MOST_EVENTS);
  if (until === before) return undefined;
  if (last) await verifyStoredHead(db, last, origin, publicKeys);
  const start = {
    ...{ origin: origin.hash, from: before + 1, before: last?.content?.hash ?? origin.hash, peaks: last?.peaks ?? [] },
    previousHead: last && headHash(last.signed.text),
  };
  const verifier = new ChainVerifier(start, publicKeys);
  for await (const page of new StoredChain(db).links(before, until, signal)) {
    for (const event of page) verifier.next(event);
    if (verifier.position < until) await renew();
  }
  const root = verifier.tree.root();
  if (verifier.position !== until || !root) {
    throw new LogFault('events are missing', verifier.position + 1, until);
  }
  const head = {
    ...{ origin: origin.hash, position: until, hash: verifier.hash, root, previous: start.previousHead },
    ...{ signedAt: now, keyId: keyIdOf(privateKey) },
  };
  const signed = signHead(head, privateKey);
  return { position: until, signed, peaks: verifier.tree.peaks(), before, hasMore: until < end };
}
