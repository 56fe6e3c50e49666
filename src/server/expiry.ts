import { Roster, type RosterMember } from '../database/roster.ts';
import { wallTime } from '../kernel/clock/wall-clock.ts';

/** Longest time between two checks of the clock, in ms: somebody may set the clock while a far moment is awaited. */
const MAX_WAIT_MS = 10_000;

interface Run extends RosterMember {
  readonly run: () => void;
}

/** What runs at which moment, in ms since 1970. Most of it has a few moments in common: those at which access tokens expire. */
const runsAt = new Map<number, Roster<Run>>();
let timer: NodeJS.Timeout | undefined;
/** The moment that the timer waits for. */
let awaited = Number.POSITIVE_INFINITY;

/**
 * Runs something at a moment, however far away, without keeping the process alive for it. All moments have one timer in common:
 * each request asks for the expiry of its token, and nearly none is there when it comes.
 * @returns cancels it.
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
  // If nothing is left for that moment, the timer finds it at its next look.
  return () => void runs.remove(own);
}

function wait(at: number): void {
  awaited = at;
  clearTimeout(timer);
  timer = setTimeout(runDue, Math.min(Math.max(0, at - wallTime()), MAX_WAIT_MS)).unref();
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
