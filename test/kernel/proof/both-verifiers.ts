import type { KeyObject } from 'node:crypto';
import { expect } from 'vitest';
import { verifyExport as verifyByScript } from '../../../audit/verify-export.mjs';
import { keyIdOf } from '../../../src/kernel/proof/signed-head.ts';
import { isProved } from '../../../src/kernel/proof/verdict.ts';
import { verifyExport } from '../../../src/kernel/proof/verify-export.ts';
import { KEYS } from './made-export.ts';

/** What both verifiers say of an export. */
export interface SharedVerdict {
  readonly isProved: boolean;
  /** First and last position of the fault. */
  readonly fault: readonly [number, number] | undefined;
  /** The last position that is proved; 0 if none is. */
  readonly proved: number;
  /** The last position up to which the chain is whole. */
  readonly followed: number;
  /** The positions of the first and the last head. */
  readonly heads: readonly [number, number] | undefined;
  /** Events that were encrypted since, if there are any: with a signed certificate, and without one. */
  readonly encrypted?: readonly [number, number];
}

/** Verifies an export with the product and with the script for auditors, which must agree. */
export async function verdictOn(
  file: Buffer,
  keys: readonly KeyObject[] = [KEYS.publicKey],
  chunk = 97,
  log?: string,
): Promise<SharedVerdict> {
  const own = await verdictOfProduct(file, keys, chunk, log);
  expect(await verdictOfScript(file, keys, chunk, log)).toEqual(own);
  return own;
}

async function verdictOfProduct(
  file: Buffer,
  keys: readonly KeyObject[],
  chunk: number,
  log: string | undefined,
): Promise<SharedVerdict> {
  const byId = new Map(keys.map((key) => [keyIdOf(key), key]));
  const verdict = await verifyExport(chunksOf(file, chunk), {
    keys: byId,
    origin: log === undefined ? undefined : Buffer.from(log, 'hex'),
  });
  const { fault, to, head, firstHead, followed } = verdict;
  return {
    isProved: isProved(verdict),
    fault: fault && [fault.from, fault.to],
    proved: Math.min(head?.position ?? 0, to),
    followed,
    heads: firstHead && head && [firstHead.position, head.position],
    ...encryptedOf(verdict.encrypted, verdict.uncertified),
  };
}

async function verdictOfScript(
  file: Buffer,
  keys: readonly KeyObject[],
  chunk: number,
  log: string | undefined,
): Promise<SharedVerdict> {
  const chunks = latin1(chunksOf(file, chunk));
  const {
    isProved: isProvedByScript,
    fault,
    to,
    position,
    firstHead,
    lastHead,
    certified,
    uncertified,
  } = await verifyByScript(chunks, keys, log);
  return {
    isProved: isProvedByScript,
    fault: fault && [fault.from, fault.to],
    proved: Math.min(lastHead?.position ?? 0, to),
    followed: Math.min(position, to),
    heads: firstHead && lastHead && [firstHead.position, lastHead.position],
    ...encryptedOf(certified, uncertified),
  };
}

const encryptedOf = (certified: number, uncertified: number) =>
  certified + uncertified > 0 ? { encrypted: [certified, uncertified] as const } : {};

async function* chunksOf(file: Buffer, bytes: number): AsyncGenerator<Buffer> {
  for (let from = 0; from < file.length; from += bytes) yield file.subarray(from, from + bytes);
}

async function* latin1(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  for await (const chunk of chunks) yield chunk.toString('latin1');
}
