import type { EngineCore, WriteSide } from '../engine-parts.ts';
import type { Projector } from '../read/run/projector.ts';
import { Erasures } from './erasures.ts';
import { remakeReadModels } from './remake.ts';
import { Subjects } from './subjects.ts';

export interface OpenSubjects {
  readonly subjects: Subjects;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Connects erasures with everything that has personal data in memory, or stores it. */
export function openSubjects(
  core: EngineCore,
  projector: Projector,
  { queue, states, snapshots }: WriteSide,
): OpenSubjects {
  const { options, database, registry, feed, keys, erasures: watch } = core;
  const subjectKeys = options.subjectKeys ?? keys;
  const { db } = database.projector;
  const parts = { db, erasures: new Erasures(db), projections: [...registry.projections.values()] };
  const remake = () => remakeReadModels({ ...parts, rebuilds: projector.rebuilds });
  const subjects = new Subjects({ keys: subjectKeys, queue, watch, remake });
  watch?.onErased((erased) => {
    subjectKeys?.forget(erased);
    states.forget();
    snapshots.forget();
    feed.clear();
    return snapshots.settled();
  });
  return {
    subjects,
    start: async () =>
      watch?.start({
        head: projector.head,
        remake: options.projector === 'off' ? undefined : remake,
        repeat: (erasure, last) => subjects.repeat(erasure, last),
      }),
    stop: async () => watch?.stop(),
  };
}
