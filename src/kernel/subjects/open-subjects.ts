import type { EngineCore, WriteSide } from '../engine-parts.ts';
import type { Projector } from '../read/run/projector.ts';
import { Erasures } from './erasures.ts';
import { Hiding } from './hiding/hide-erased.ts';
import { remakeReadModels } from './remake.ts';
import { keptForDays } from './retention.ts';
import { type ErasureOrder, Subjects } from './subjects.ts';
import { SubjectsUpkeep } from './upkeep.ts';

export interface OpenSubjects {
  readonly subjects: Subjects;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Connects erasures with everything that has personal data in memory, or stores it. */
export function openSubjects(
  core: EngineCore,
  projector: Projector,
  { queue, states, snapshots, log }: WriteSide,
): OpenSubjects {
  const { options, database, registry, feed, clock, keys, observer, erasures: watch } = core;
  const { db } = database.projector;
  const projections = [...registry.projections.values()];
  const parts = { db, erasures: new Erasures(db), projections, kept: keptForDays(registry) };
  const isWorking = options.projector !== 'off';
  const hiding = new Hiding({
    ...{ db, registry, erasures: parts.erasures, log, observer },
    isRunning: ({ name }) => projector.isRunning(name),
    onHidden: () => projector.rowsChanged(),
  });
  const hide = watch && isWorking ? (number?: number) => hiding.run(number) : undefined;
  projector.rebuilds.beforeServed(hiding.beforeServed);
  const remake = () => remakeReadModels({ ...parts, rebuilds: projector.rebuilds });
  const reading = { db, log, registry };
  const { keyring } = options;
  const subjects = new Subjects({ keys, queue, watch, hide, remake, reading, clock, owner: database.owner.db });
  const forget = () => {
    states.forget();
    snapshots.forget();
    feed.clear();
  };
  watch?.onErased(async (erased) => {
    if (erased === 'all') keys?.forgetAll();
    else await keys?.follow(erased);
    forget();
    // A batch that was sent before has the former keys, and its plain events come into memory when it is committed.
    await queue.batchSettled();
    forget();
    await snapshots.settled();
  });
  // The watch hides what this erases, and must not wait for it.
  const erase = (order: ErasureOrder) => subjects.destroy(order);
  const upkeep = keyring && new SubjectsUpkeep({ owner: database.owner.db, keyring, clock, erase });
  return {
    subjects,
    start: async () =>
      watch?.start({
        head: projector.head,
        remake: isWorking ? remake : undefined,
        hide: hide && (() => hide()),
        upkeep: async () => upkeep?.run(),
        repeat: (erasure, last) => subjects.repeat(erasure, last),
      }),
    stop: async () => {
      await Promise.all([watch?.stop(), hiding.stop()]);
    },
  };
}
