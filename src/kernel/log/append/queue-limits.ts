import type { Share, Waiting, WaitingAppends } from './waiting-appends.ts';

/** Limits of the waiting appends: see `AppendQueueOptions`. */
export interface QueueLimits {
  readonly limit: number;
  readonly bytes: number;
  readonly limitPerActor: number;
  readonly bytesPerActor: number;
}

/** Why an append has to be refused, and how many appends wait before it. */
export interface FullQueue {
  readonly reason: string;
  readonly depth: number;
}

/**
 * Checks if there is room for one more append.
 * @param initiator on whose behalf the append is; undefined if their share is not bounded.
 * @param bytes approximate bytes of the append.
 * @returns undefined if there is room.
 */
export function whyFull(
  waiting: WaitingAppends<Waiting>,
  { limit, bytes: mostBytes, limitPerActor, bytesPerActor }: QueueLimits,
  initiator: string | undefined,
  bytes: number,
): FullQueue | undefined {
  if (isFull(waiting, limit, mostBytes, bytes)) return { reason: 'The append queue is full.', depth: waiting.count };
  if (initiator === undefined) return undefined;
  const share = waiting.shareOf(initiator);
  if (!isFull(share, limitPerActor, bytesPerActor, bytes)) return undefined;
  return { reason: 'Too many of your commands wait to be stored.', depth: share.count };
}

/** An append that is larger than the limit is accepted if no other waits. Otherwise it would always be refused. */
function isFull({ count, bytes }: Share, limit: number, mostBytes: number, more: number): boolean {
  return count >= limit || (count > 0 && bytes + more > mostBytes);
}
