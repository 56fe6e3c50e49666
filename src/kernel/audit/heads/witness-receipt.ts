import { sign, verify } from 'node:crypto';
import type { Database } from '../../../database/client.ts';
import { headHash, type SignedHead } from '../../proof/signed-head.ts';
import { headAt, type SignerState, type StoredHead } from './head-store.ts';
import type { SigningKey } from './next-head.ts';

/**
 * What a server signs when a witness has taken a head. How far a witness is stands in the database, whose owner could otherwise
 * keep heads from it by saying that it has them. An old receipt can only have heads given again. No head begins like this text.
 */
function receiptText(witness: string, { text }: SignedHead): Buffer {
  return Buffer.from(`afterwrite witnessed ${witness} ${headHash(text).toString('hex')}`);
}

/** The receipt of a head that a witness has taken: its position and a signature. */
export function receiptOf({ privateKey }: SigningKey, witness: string, { position, signed }: StoredHead): string {
  return `${position} ${sign(null, receiptText(witness, signed), privateKey).toString('base64')}`;
}

/**
 * Up to where a witness has all heads. `es.signer.witnessed` is not believed.
 * @returns 0 if it has none yet, undefined if the receipt is not one that a server has signed for a head of the log.
 */
export async function witnessedUntil(
  db: Database,
  { publicKeys }: SigningKey,
  id: string,
  { witness, receipt }: SignerState,
): Promise<number | undefined> {
  if (witness !== id || receipt === null) return 0;
  const [, position, signature] = /^(\d{1,15}) (\S+)$/.exec(receipt) ?? [];
  const head = position === undefined ? undefined : await headAt(db, Number(position));
  if (!head || signature === undefined) return undefined;
  const [text, bytes] = [receiptText(id, head.signed), Buffer.from(signature, 'base64')];
  return [...publicKeys.values()].some((key) => verify(null, text, key, bytes)) ? head.position : undefined;
}
