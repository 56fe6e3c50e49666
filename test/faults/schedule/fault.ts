import type { Random } from '../../support/random.ts';
import { until } from '../../support/until.ts';
import type { Unmet } from '../checker/evidence.ts';
import type { Recorder } from '../history.ts';
import type { Instance } from '../world/instance.ts';
import type { World } from '../world/world.ts';

/** What faults need to know. */
export interface Scene {
  readonly world: World;
  readonly random: Random;
  readonly clock: () => number;
  /** The requests that faults send themselves. */
  readonly recorders: Recorder[];
  /** Expectations that servers did not meet during a fault. */
  readonly unmet: Unmet[];
  readonly queueLimit: number;
  /** Commands that were refused because a queue was full are sent again until then. */
  readonly giveUp: AbortSignal;
  /** Done when no more faults come: it ends harm that lasts longer than its fault. */
  readonly atEnd: (() => Promise<void>)[];
}

/** The part of the world that a fault changes as a whole. Two faults of one part do not overlap. */
export type Subject = 'Postgres' | 'snapshot' | 'clocks' | 'silence' | 'instance' | 'links' | 'queue';

export interface Fault {
  readonly subject: Subject;
  /** Does the harm and answers, when the harm is over or takes care of itself, what it was. */
  play(scene: Scene): Promise<string>;
}

/** Within this some server serves again, whatever has happened. */
const READY_MS = 120_000;

/** A server that serves, as soon as there is one. */
export async function readyOne({ world: { instances }, random }: Scene): Promise<Instance> {
  await until(() => instances.some(({ isReady }) => isReady), { deadline: READY_MS });
  return random.pick(instances.filter(({ isReady }) => isReady));
}

/** One of the servers, or all of them. */
export function someInstances({ world: { instances }, random }: Scene): readonly Instance[] {
  return random.chance(0.5) ? instances : [random.pick(instances)];
}

/** Their names, for a sentence. */
export function namesOf(instances: readonly Instance[]): string {
  return instances.map(({ name }) => name).join(' and ');
}
