import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import type { EventTypes } from '../../define/event.ts';
import type { SubjectKeys } from '../../privacy/subject-keys.ts';
import { DeadLetterNotFoundError } from '../dead-letters/errors.ts';
import { discardFirst, retryKey } from '../dead-letters/retry/retry.ts';
import type { Shadow } from './shadow.ts';

export interface ShadowDeadLettersParts {
  /** With the projector's rights. */
  readonly db: Database;
  readonly events: EventTypes;
  /** The keys of personal data; undefined if there is no keyring. */
  readonly keys?: SubjectKeys | undefined;
  readonly shadow: Shadow;
}

interface First extends Record<string, unknown> {
  readonly key: string;
  readonly position: number;
  readonly discarded: boolean;
}

/**
 * The dead letters of a rebuild. In the meantime, operators may have retried or discarded the same events in the live
 * read model. Their decisions are repeated here, because those events would otherwise come back with the swap.
 */
export class ShadowDeadLetters {
  readonly #parts: ShadowDeadLettersParts;
  /** Events that could not be applied here. */
  readonly #failed = new Set<number>();

  constructor(parts: ShadowDeadLettersParts) {
    this.#parts = parts;
  }

  /**
   * Discards what was discarded in the live read model, and applies what is no longer parked there, as far as possible.
   * The shadow's filler must be stopped.
   * @returns true if the shadow was changed: its filler must start again from its checkpoint.
   */
  async settle(): Promise<boolean> {
    let changed = false;
    for (const first of await this.#settled()) {
      if (this.#failed.has(first.position)) continue;
      if (await this.#apply(first)) changed = true;
    }
    return changed;
  }

  /** The first events of keys that are parked here, but not in the live read model. */
  #settled(): Promise<First[]> {
    const { db, shadow } = this.#parts;
    const { checkpoint, version } = shadow.live;
    const there = sql`read.dead_letters l where l.projection = ${checkpoint.key} and l.position = f.position`;
    return db.execute<First>(sql`
      with f as (
        select distinct on (key) key, position, partial from read.dead_letters
        where projection = ${shadow.checkpoint.key} and status = 'PARKED' order by key, position
      )
      select key, position, exists (
        select from ${there} and l.status = 'DISCARDED' and l.version = ${version} and l.partial = f.partial
          and (l.key = f.key or not f.partial)
      ) as discarded
      from f
      where not exists (select from ${there} and l.status = 'PARKED')
        and position <= (select position from read.checkpoints where projection = ${checkpoint.key})
      order by position`);
  }

  async #apply({ key, position, discarded }: First): Promise<boolean> {
    const { db, events, keys, shadow } = this.#parts;
    const parts = { db, events, keys, key, projection: shadow.projection, readModel: shadow.live.name };
    try {
      const { applied, error } = discarded
        ? await discardFirst(parts, position, { by: '', reason: null })
        : await retryKey(parts);
      if (error) this.#failed.add(error.position);
      return discarded || applied > 0;
    } catch (error) {
      // Another key has been merged with this one.
      if (error instanceof DeadLetterNotFoundError) return true;
      throw error;
    }
  }
}
