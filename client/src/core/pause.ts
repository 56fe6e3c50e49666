/**
 * Waits, at most until the window says that there is a connection again, or until `signal` is aborted.
 * @throws the reason of the signal.
 */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const { addEventListener, removeEventListener } = globalThis as Partial<typeof globalThis>;
    const end = () => {
      clearTimeout(timer);
      removeEventListener?.('online', end);
      signal?.removeEventListener('abort', end);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, ms);
    addEventListener?.('online', end);
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
  });
}

const FIRST_MS = 200;
const LONGEST_MS = 10_000;

/** How long to wait before the next attempt, in ms: longer each time, and not at the same moment as all others. */
export function backoff(failures: number, atLeastMs = 0): number {
  const ms = Math.min(LONGEST_MS, FIRST_MS * 2 ** failures);
  return atLeastMs + ms * (0.5 + Math.random() / 2);
}

/** Aborted as soon as one of them is. */
export const either = (one: AbortSignal, other: AbortSignal | undefined): AbortSignal =>
  other ? AbortSignal.any([one, other]) : one;
