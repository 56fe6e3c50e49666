import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { readAgain } from '../../../database/transient.ts';
import type { Subject } from '../../define/personal/subject.ts';
import { type PersonalReaches, personalReaches } from '../../define/read-model/personal-reach.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import type { Registry } from '../../define/registration/registry.ts';
import type { LogReader } from '../../log/log-reader.ts';
import type { EngineObserver } from '../../observe/occurrences.ts';
import { lockForWriting } from '../../read/tables/tables.ts';
import { type Erasures, isAbout } from '../erasures.ts';
import { type OutdatedTable, outdatedTables } from '../outdated-tables.ts';
import { isRetention } from '../retention.ts';
import { hideRows } from './hide-rows.ts';
import { TouchedRows } from './touched-rows.ts';

export interface HidingParts {
  /** With the rights of the projector. */
  readonly db: Database;
  readonly registry: Pick<Registry, 'projections' | 'events'>;
  readonly erasures: Pick<Erasures, 'allAfter' | 'typesOf'>;
  readonly log: Pick<LogReader, 'readAt'>;
  /** True if this instance fills the live table of a read model. */
  readonly isRunning: (projection: Projection) => boolean;
  /** Called when rows were changed, or may be in memory as they were: whoever fills the table has to read them again. */
  readonly onHidden: () => void;
  readonly observer: EngineObserver;
}

/** Events that are looked at together. */
const PAGE = 500;

/**
 * Hides what was erased in read models at once, for as long as they are not made again: it takes a look at the subject's events, however
 * large the log is.
 *
 * Personal data gets into a row only from an event that changes it. So the rows to look at are those that the handlers name for the
 * subject's events, and the columns those into which the handlers put personal data of such events. They are masked as a whole, in the
 * row and in its former versions, also what somebody else has put there: what is shown may be too little, until the read model is made
 * again, but nothing that was erased.
 *
 * Every instance does it, after it has forgotten the subject's keys and events: whatever it may have folded with these is hidden then.
 */
export class Hiding {
  readonly #parts: HidingParts;
  readonly #reaches = new Map<string, PersonalReaches>();
  /** Tables in which this instance has hidden everything up to an erasure, in the generation that they had afterwards. */
  readonly #done = new Map<string, { readonly number: number; readonly generation: number }>();
  #running: Promise<void> = Promise.resolve();

  constructor(parts: HidingParts) {
    this.#parts = parts;
  }

  /** Hides what is not hidden yet. What fails is reported, and done with the next call. */
  run(): Promise<void> {
    this.#running = this.#running.then(() => this.#run());
    return this.#running;
  }

  async #run(): Promise<void> {
    const { db, registry, erasures, observer } = this.#parts;
    try {
      const ours = new Map([...registry.projections.values()].map((each) => [each.checkpoint.key, each]));
      const outdated = (await outdatedTables(db)).filter(({ key }) => ours.has(key));
      if (outdated.length === 0) return;
      const all = await erasures.allAfter(Math.min(...outdated.map((table) => table.erasures)));
      const last = all.at(-1)?.number ?? 0;
      for (const table of outdated) {
        const projection = ours.get(table.key);
        const hidden = this.#hiddenUpTo(table);
        if (!projection || hidden >= last) continue;
        const subjects = all.filter(({ number }) => number > hidden).map(({ subject }) => subject);
        await this.#hide(projection, subjects)
          .then((generation) => this.#done.set(table.key, { number: last, generation }))
          .catch((error) => this.#failed(error, projection.name));
      }
    } catch (error) {
      observer.tell('faultMet', { error, context: { part: 'erasures' } });
    }
  }

  /** The number of the last erasure that needs nothing more. A rebuild may have put other rows into the table: then it has another generation. */
  #hiddenUpTo({ key, generation, erasures }: OutdatedTable): number {
    const done = this.#done.get(key);
    return done?.generation === generation ? Math.max(done.number, erasures) : erasures;
  }

  #failed(error: unknown, projection: string): void {
    this.#parts.observer.tell('faultMet', { error, context: { part: 'erasures', projection } });
  }

  /** @returns the generation of the table's checkpoint afterwards. */
  async #hide(projection: Projection, subjects: readonly Subject[]): Promise<number> {
    const { db, isRunning, onHidden } = this.#parts;
    const pages = await this.#pagesOf(projection, subjects);
    // Most of it is done before whoever fills the table has to wait.
    if (pages.length > 1) for (const page of pages) await this.#hidePage(db, projection, page);
    const outcome = await db.transaction(async (transaction) => {
      const tx = transaction as unknown as Database;
      await lockForWriting(tx, projection);
      const { key } = projection.checkpoint;
      const [held] = await tx.execute<{ generation: number }>(
        sql`select generation from read.checkpoints where projection = ${key} for no key update`,
      );
      if (!held) return { generation: 0, isChanged: false };
      const changed = await hideInPages(pages, (page) => this.#hidePage(tx, projection, page));
      if (changed === 0 && !(pages.length > 0 && isRunning(projection)))
        return { generation: held.generation, isChanged: false };
      // Whoever fills the table may have rows and events in memory from before: it begins again.
      const [next] = await tx.execute<{ generation: number }>(sql`
        update read.checkpoints set generation = generation + 1, updated_at = now() where projection = ${key}
        returning generation`);
      return { generation: next?.generation ?? 0, isChanged: true };
    });
    if (outcome.isChanged) onHidden();
    return outcome.generation;
  }

  /**
   * Hides in a table that is about to be served. What fails is reported, and the table is served all the same: it
   * is made again because of these erasures. Otherwise no rebuild could ever end the fault.
   * @param tx has the only rights to write to it.
   */
  async hideIn(tx: Database, projection: Projection, erasures: number): Promise<void> {
    const later = await this.#parts.erasures.allAfter(erasures);
    const pages = await this.#pagesOf(
      projection,
      later.map(({ subject }) => subject),
    );
    if (pages.length === 0) return;
    await tx
      .transaction((part) =>
        hideInPages(pages, (page) => this.#hidePage(part as unknown as Database, projection, page)),
      )
      .catch((error) => this.#failed(error, projection.name));
  }

  async #hidePage(db: Database, projection: Projection, positions: readonly number[]): Promise<number> {
    // Those that cannot be read have changed no row.
    const events = await this.#parts.log.readAt(positions, { onUnreadable: () => {} });
    return hideRows(db, projection, new TouchedRows(projection, this.#reachesOf(projection), events));
  }

  /** Positions of the events of the subjects that have put personal data into the read model. */
  async #pagesOf(projection: Projection, subjects: readonly Subject[]): Promise<number[][]> {
    const people = [...new Set(subjects)].filter((subject) => !isRetention(subject));
    const known = await this.#parts.erasures.typesOf(people);
    if (![...known].some((type) => projection.handlers.has(type))) return [];
    const types = JSON.stringify([...this.#reachesOf(projection).keys()]);
    const pages: number[][] = [];
    for (let from = 0; from < people.length; from += PAGE) {
      const rows = await readAgain(() =>
        this.#parts.db.execute<{ position: number }>(sql`
          select position from es.events e where ${isAbout(people.slice(from, from + PAGE))}
            and type in (select jsonb_array_elements_text(${types}::jsonb)) order by position`),
      );
      for (let nth = 0; nth < rows.length; nth += PAGE) {
        pages.push(rows.slice(nth, nth + PAGE).map(({ position }) => Number(position)));
      }
    }
    return pages;
  }

  #reachesOf(projection: Projection): PersonalReaches {
    const { name } = projection;
    const reaches = this.#reaches.get(name) ?? personalReaches(projection, this.#parts.registry.events);
    this.#reaches.set(name, reaches);
    return reaches;
  }
}

async function hideInPages(
  pages: readonly (readonly number[])[],
  hide: (page: readonly number[]) => Promise<number>,
): Promise<number> {
  let changed = 0;
  for (const page of pages) changed += await hide(page);
  return changed;
}
