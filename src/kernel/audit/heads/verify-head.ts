import type { KeyObject } from 'node:crypto';
import type { Database } from '../../../database/client.ts';
import { LogFault } from '../../proof/log-fault.ts';
import { MerkleFrontier } from '../../proof/merkle-frontier.ts';
import { isSignedBy } from '../../proof/signed-head.ts';
import { type ChainOrigin, readHash } from '../chain-origin.ts';
import type { StoredHead } from './head-store.ts';

/**
 * Verifies a head from which a chain is to be continued: it must be signed, and the log must still agree with it.
 * @param publicKeys by their ids. If there are none, the signature is not verified.
 * @throws {LogFault}
 */
export async function verifyStoredHead(
  db: Database,
  { position, signed, content, peaks }: StoredHead,
  origin: ChainOrigin,
  publicKeys: ReadonlyMap<string, KeyObject>,
): Promise<void> {
  const refuse = (reason: string): never => {
    throw new LogFault(`the head of position ${position} in es.heads ${reason}`, position);
  };
  if (content?.position !== position) return refuse('is not in the form in which heads are signed');
  const key = publicKeys.get(content.keyId);
  if (!key && publicKeys.size > 0) return refuse(`is signed by the key ${content.keyId}, which is none of yours`);
  if (key && !isSignedBy(signed, key)) return refuse('has a signature that does not fit');
  if (!content.origin.equals(origin.hash)) return refuse('was signed for another log');
  if (!treeOf({ content, position, peaks })) return refuse('has another Merkle tree than was signed');
  if (!(await readHash(db, position))?.equals(content.hash)) return refuse('has another hash than the event there');
}

/**
 * Heads are signed only after former events were hashed. If somebody could reset that in `es.chain`, nothing would be verified any more.
 * @param position of a head that was signed; undefined if none was.
 * @throws {LogFault}
 */
export function refuseHeadsBeforeCompletion({ completedAt }: ChainOrigin, position: number | undefined): void {
  if (completedAt || position === undefined) return;
  const reason = `es.chain says that former events are still being hashed, and a head of position ${position} was signed`;
  throw new LogFault(`${reason}: es.chain was altered`, 1, position);
}

/** The Merkle tree at a head; undefined if its peaks are not those of the root in its text. */
export function treeOf({
  position,
  content,
  peaks,
}: Pick<StoredHead, 'position' | 'content' | 'peaks'>): MerkleFrontier | undefined {
  if (content?.position !== position) return undefined;
  try {
    const tree = MerkleFrontier.of(position, peaks);
    return tree.root()?.equals(content.root) ? tree : undefined;
  } catch (error) {
    // Their number does not fit.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
