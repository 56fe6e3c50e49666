import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../../support/until.ts';
import { FAULT_KINDS, FAULTS, type FaultKind, type Scene } from './faults.ts';

/** A fault that was injected, and when, in ms since the beginning. */
export interface Injected {
  readonly kind: FaultKind;
  readonly from: number;
  readonly to: number;
  readonly what: string;
}

/** Between two faults, in ms. */
const LULL_MS = { least: 200, most: 1500 };
/** How often two come together. */
const MEETS_ANOTHER = 0.3;
/** How often the next waits until all servers serve: harm to what is down already proves little. */
const WAITS_FOR_ALL = 0.7;
const ALL_SERVE_MS = 10_000;

/**
 * Injects faults: first each kind once, in an order that chance makes, then whichever, some of them together, until `stop`
 * and until each has happened. Resolves when all harm is over.
 */
export async function injectFaults(scene: Scene, stop: AbortSignal, say: (line: string) => void): Promise<Injected[]> {
  const { random, clock } = scene;
  const injected: Injected[] = [];
  const inject = async (kind: FaultKind) => {
    const from = clock();
    const what = await FAULTS[kind](scene);
    injected.push({ kind, from, to: clock(), what });
    say(`${(from / 1000).toFixed(1).padStart(6)} s  ${kind}: ${what}`);
  };
  const first = random.shuffled(FAULT_KINDS);
  while (first.length > 0 || !stop.aborted) {
    const kind = first.pop() ?? random.pick(FAULT_KINDS);
    if (random.chance(WAITS_FOR_ALL)) await allServe(scene);
    const together = first.length === 0 && random.chance(MEETS_ANOTHER) ? [kind, otherThan(kind, scene)] : [kind];
    await Promise.all(together.map(inject));
    await delay(random.between(LULL_MS.least, LULL_MS.most), undefined, { signal: stop }).catch(() => undefined);
  }
  return injected.sort((a, b) => a.from - b.from);
}

/** Waits until all servers serve, or that takes too long. */
async function allServe({ world: { instances } }: Scene): Promise<void> {
  const all = () => instances.every(({ isReady }) => isReady);
  await until(all, { deadline: ALL_SERVE_MS }).catch(() => undefined);
}

/** Another kind; where Postgres is away there are no backends to terminate. */
function otherThan(kind: FaultKind, { random }: Scene): FaultKind {
  const ofPostgres: readonly FaultKind[] = ['Postgres killed (SIGKILL)', 'backends terminated'];
  const excluded = ofPostgres.includes(kind) ? ofPostgres : [kind];
  return random.pick(FAULT_KINDS.filter((other) => !excluded.includes(other)));
}
