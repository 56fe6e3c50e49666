import { wallTime } from '../kernel/clock/wall-clock.ts';

/** Longest time between two checks of the clock, in ms, however far the next moment is: somebody may set the clock. */
const MAX_WAIT_MS = 10_000;

type Run = () => void;

/** The functions to run by moment, in ms since 1970. Many share a moment: the expiry of one access token. */
const runsAt = new Map<number, Set<Run>>();
let timer: NodeJS.Timeout | undefined;
/** The moment that the timer waits for. */
let awaited = Number.POSITIVE_INFINITY;

/**
 * Runs something at a moment, however far away, without keeping the process alive for it. All moments share one timer:
 * each request waits for the expiry of its token, and hardly any is still there when it comes.
 * @returns a function that cancels it.
 */
export function atMoment(moment: Date, run: Run): () => void {
  const at = moment.getTime();
  let runs = runsAt.get(at);
  if (!runs) {
    runs = new Set();
    runsAt.set(at, runs);
  }
  // The same function may be registered by somebody else.
  const own = () => run();
  runs.add(own);
  if (at < awaited) wait(at);
  return () => {
    if (!runs.delete(own) || runs.size > 0) return;
    // The timer stays: when it ends, it looks for the next moment.
    if (runsAt.get(at) === runs) runsAt.delete(at);
  };
}

function wait(at: number): void {
  awaited = at;
  clearTimeout(timer);
  timer = setTimeout(runDue, Math.min(Math.max(0, at - wallTime()), MAX_WAIT_MS)).unref();
}

function runDue(): void {
  const now = wallTime();
  const due: Set<Run>[] = [];
  let next = Number.POSITIVE_INFINITY;
  for (const [at, runs] of runsAt) {
    if (at > now) {
      next = Math.min(next, at);
    } else {
      runsAt.delete(at);
      due.push(runs);
    }
  }
  awaited = Number.POSITIVE_INFINITY;
  if (next < awaited) wait(next);
  for (const runs of due) for (const run of runs) run();
}
