import type { KeyObject } from 'node:crypto';

interface Head {
  readonly position: number;
  readonly signedAt: string;
  readonly keyId: string;
}

interface Result {
  readonly origin?: string;
  readonly from: number;
  readonly to: number;
  readonly position: number;
  readonly heads: number;
  readonly proved: number;
  readonly isProved: boolean;
  /** Events that were encrypted after they were recorded: those that a signed event certifies, and the others. */
  readonly certified: number;
  readonly uncertified: number;
  readonly firstHead?: Head;
  readonly lastHead?: Head;
  readonly fault?: { readonly from: number; readonly to: number; readonly reason: string };
}

/** @param log the hash before the first event of the log that it must be; any if undefined. */
export function verifyExport(chunks: AsyncIterable<string>, keys: readonly KeyObject[], log?: string): Promise<Result>;
