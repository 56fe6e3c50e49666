import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import type { Projection } from '../define/read-model/projection.ts';
import type { RebuildCoordinator } from '../read/rebuild/rebuild-coordinator.ts';
import type { Erasures } from './erasures.ts';
import { outdatedTables } from './outdated-tables.ts';
import { isRetention, type KeptForDays } from './retention.ts';

export interface RemakeParts {
  /** With the rights of the projector. */
  readonly db: Database;
  readonly erasures: Pick<Erasures, 'allAfter' | 'typesOf'>;
  readonly projections: readonly Projection[];
  readonly kept: KeptForDays;
  readonly rebuilds: Pick<RebuildCoordinator, 'begin'>;
}

/**
 * Makes the read models again that contain what was erased: each one that handles a type of event that the subject has is
 * filled anew from the log, beside the live table, and replaces it. Its fill begins after the erasure, so nothing of the
 * subject can get into it. This is the same as a rebuild, so that the rows are those that a rebuild gives, and it goes on
 * after a crash: each checkpoint says how many erasures its table takes into account.
 *
 * A handler of all events (`every`) is given no data, so that a read model of it contains nothing personal.
 * @returns the names of the read models that are not done yet.
 */
export async function remakeReadModels({ db, erasures, projections, kept, rebuilds }: RemakeParts): Promise<string[]> {
  const outdated = await outdatedTables(db);
  if (outdated.length === 0) return [];
  const all = await erasures.allAfter(Math.min(...outdated.map((table) => table.erasures)));
  const left: string[] = [];
  for (const table of outdated) {
    const projection = projections.find(({ checkpoint }) => checkpoint.key === table.key);
    if (!projection) continue;
    const later = all.filter(({ number }) => number > table.erasures);
    const subjects = [...new Set(later.map(({ subject }) => subject))];
    const people = subjects.filter((subject) => !isRetention(subject));
    const types = [...(await erasures.typesOf(people)), ...(people.length < subjects.length ? kept.types : [])];
    if (types.some((type) => projection.handlers.has(type))) {
      left.push(projection.name);
      if (!table.isBeingRebuilt) await rebuilds.begin(projection);
    } else {
      await takeIntoAccount(db, table.key, later.at(-1)?.number ?? table.erasures);
    }
  }
  return left;
}

async function takeIntoAccount(db: Database, key: string, number: number): Promise<void> {
  await db.execute(
    sql`update read.checkpoints set erasures = ${number} where projection = ${key} and erasures < ${number}`,
  );
}
