import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../support/random.ts';
import { until } from '../../support/until.ts';
import type { Scene, Subject } from './fault.ts';
import { FAULTS, type FaultKind } from './faults.ts';

/** A fault that was injected, and when, in ms since the beginning. */
export interface Injected {
  readonly kind: FaultKind;
  readonly from: number;
  readonly to: number;
  readonly what: string;
}

/** Time between two faults, in ms. */
const LULL_MS = { least: 200, most: 1500 };
/** How often two come together. */
const MEETS_ANOTHER = 0.4;
/** How often the next waits until all servers serve: harm to what is down already proves little. */
const WAITS_FOR_ALL = 0.7;
const ALL_SERVE_MS = 10_000;

/**
 * In a run of this many seconds or more each kind occurs, even if that takes longer; a shorter run plays as many as it
 * has time for.
 */
export const LONG_RUN_S = 120;

export interface ScheduleOptions {
  /** The kinds that may come. */
  readonly kinds: readonly FaultKind[];
  /** Whether each of them has to. */
  readonly all: boolean;
}

/** How many come together in a short run, as long as some have not come. */
const LANES = 3;
/** A lane looks so often whether it may go on, in ms. */
const POLL_MS = 50;

/**
 * Injects faults: first each kind once, in an order that chance makes, then any of them, some of them two at a time, until `stop`
 * (and until each has happened, if all have to). A short run has no time for one after the other: kinds that change different
 * things come together. Resolves when all harm is over.
 */
export async function injectFaults(
  scene: Scene,
  { kinds, all }: ScheduleOptions,
  stop: AbortSignal,
  say: (line: string) => void,
): Promise<Injected[]> {
  const { random, clock, giveUp, atEnd } = scene;
  const injected: Injected[] = [];
  const inject = async (kind: FaultKind) => {
    const from = clock();
    const what = await FAULTS[kind].play(scene);
    injected.push({ kind, from, to: clock(), what });
    say(`${(from / 1000).toFixed(1).padStart(6)} s  ${kind}: ${what}`);
  };
  const first = random.shuffled(kinds);
  if (!all) await injectTogether(first, inject, AbortSignal.any([stop, giveUp]), random.fork());
  while (!giveUp.aborted && (!stop.aborted || (all && first.length > 0))) {
    const kind = first.pop() ?? random.pick(kinds);
    if (random.chance(WAITS_FOR_ALL)) await allServe(scene);
    const others = otherThan(kind, kinds);
    const meets = first.length === 0 && others.length > 0 && random.chance(MEETS_ANOTHER);
    await Promise.all((meets ? [kind, random.pick(others)] : [kind]).map(inject));
    await lull(random, stop);
  }
  for (const end of atEnd.splice(0)) await end();
  return injected.sort((a, b) => a.from - b.from);
}

/** Injects each of these once, in lanes: at most one of those that change the same thing at a time. Takes them from the list. */
async function injectTogether(
  kinds: FaultKind[],
  inject: (kind: FaultKind) => Promise<void>,
  stop: AbortSignal,
  random: Random,
): Promise<void> {
  const busy = new Set<Subject>();
  const left = (subject: Subject) => kinds.filter((kind) => FAULTS[kind].subject === subject).length;
  const lane = async () => {
    while (!stop.aborted && kinds.length > 0) {
      const free = kinds.filter((kind) => !busy.has(FAULTS[kind].subject));
      // The thing to which most is still to be done takes longest.
      const kind = free.reduce<FaultKind | undefined>((best, next) => {
        return best && left(FAULTS[best].subject) >= left(FAULTS[next].subject) ? best : next;
      }, undefined);
      if (!kind) {
        await delay(POLL_MS);
        continue;
      }
      const { subject } = FAULTS[kind];
      kinds.splice(kinds.indexOf(kind), 1);
      busy.add(subject);
      await inject(kind).finally(() => busy.delete(subject));
      await lull(random, stop);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/** Lets the clients work for a while. */
async function lull(random: Random, stop: AbortSignal): Promise<void> {
  await delay(random.between(LULL_MS.least, LULL_MS.most), undefined, { signal: stop }).catch(() => undefined);
}

/** Waits until all servers serve, or that takes too long. */
async function allServe({ world: { instances } }: Scene): Promise<void> {
  const all = () => instances.every(({ isReady }) => isReady);
  await until(all, { deadline: ALL_SERVE_MS }).catch(() => undefined);
}

/** Kinds that may come together with one: if both changed the same thing, one would undo what the other has done. */
function otherThan(kind: FaultKind, kinds: readonly FaultKind[]): FaultKind[] {
  const { subject } = FAULTS[kind];
  return kinds.filter((other) => FAULTS[other].subject !== subject);
}
