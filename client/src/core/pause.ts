/** Waits, at most until `signal` is aborted. @throws its reason. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', end);
      resolve();
    }, ms);
    if (signal?.aborted) end();
    else signal?.addEventListener('abort', end, { once: true });
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
