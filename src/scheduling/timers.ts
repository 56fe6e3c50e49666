/** A pending call, once or repeatedly. */
export interface Timer {
  /** Prevents all further calls. */
  cancel(): void;
}

/** Maximum time of a timer, in ms: Node fires a longer one at once. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Calls `work` once, after a time.
 * @param ms the time in ms; longer than about 25 days counts as 25 days.
 * @param options.keepsProcess false if the process may end before.
 */
export function later(ms: number, work: () => void, { keepsProcess = true } = {}): Timer {
  const timer = setTimeout(work, Math.min(ms, LONGEST_MS));
  if (!keepsProcess) timer.unref();
  return { cancel: () => clearTimeout(timer) };
}

/** Calls `work` at intervals in ms until it is cancelled. It does not keep the process alive. */
export function every(ms: number, work: () => void): Timer {
  const timer = setInterval(work, ms).unref();
  return { cancel: () => clearInterval(timer) };
}

/**
 * The outcome of `answer` if it comes in time, else that of `late`, which may throw. An answer that comes later is ignored, also
 * a failure.
 * @param ms the time limit.
 */
export async function within<T>(ms: number, answer: Promise<T>, late: () => T): Promise<T> {
  const { promise: over, resolve } = Promise.withResolvers<typeof LATE>();
  const timer = later(ms, () => resolve(LATE));
  try {
    const first = await Promise.race([answer, over]);
    return first === LATE ? late() : first;
  } finally {
    timer.cancel();
  }
}

const LATE = Symbol('late');
