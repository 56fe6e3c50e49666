import type { KeyObject } from 'node:crypto';

interface Head {
  readonly position: number;
  readonly signedAt: string;
  readonly keyId: string;
}

interface Result {
  readonly from: number;
  readonly to: number;
  readonly position: number;
  readonly heads: number;
  readonly firstHead?: Head;
  readonly lastHead?: Head;
  readonly fault?: { readonly from: number; readonly to: number; readonly reason: string };
}

export function verifyExport(chunks: AsyncIterable<string>, keys: readonly KeyObject[]): Promise<Result>;
