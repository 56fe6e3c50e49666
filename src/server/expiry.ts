import { Roster, type RosterMember } from '../database/roster.ts';
import { wallTime } from '../kernel/clock/wall-clock.ts';
import { later, type Timer } from '../scheduling/timers.ts';

/** Maximum time between two checks of the clock, in ms, because the clock may be set while a moment is awaited. */
const MAX_WAIT_MS = 10_000;

interface Run extends RosterMember {
  readonly run: () => void;
}

/** The calls for each moment, in ms since 1970. Most calls share a few moments, at which access tokens expire. */
const runsAt = new Map<number, Roster<Run>>();
let timer: Timer | undefined;
/** The moment that the timer waits for. */
let awaited = Number.POSITIVE_INFINITY;

/**
 * Calls a function at a moment, however far away, without keeping the process alive. All moments share one timer: each
 * request waits for the expiry of its token, and has nearly always ended before.
 * @returns a function that cancels the call.
 */
export function atMoment(moment: Date, run: () => void): () => void {
  const at = moment.getTime();
  let runs = runsAt.get(at);
  if (!runs) {
    runs = new Roster();
    runsAt.set(at, runs);
  }
  const own = { place: -1, run };
  runs.add(own);
  if (at < awaited) wait(at);
  // If no call is left for that moment, the timer finds this at its next check.
  return () => void runs.remove(own);
}

function wait(at: number): void {
  awaited = at;
  timer?.cancel();
  timer = later(Math.min(Math.max(0, at - wallTime()), MAX_WAIT_MS), runDue, { keepsProcess: false });
}

function runDue(): void {
  const now = wallTime();
  const due: [number, Roster<Run>][] = [];
  let next = Number.POSITIVE_INFINITY;
  for (const [at, runs] of runsAt) {
    if (at > now && runs.size > 0) {
      next = Math.min(next, at);
    } else {
      runsAt.delete(at);
      due.push([at, runs]);
    }
  }
  awaited = Number.POSITIVE_INFINITY;
  if (next < awaited) wait(next);
  due.sort(([a], [b]) => a - b);
  for (const [, runs] of due) for (const own of runs.all()) if (runs.remove(own)) own.run();
}
