import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import type { EventTypes } from '../../define/event.ts';
import type { Projection } from '../../define/projection.ts';
import { DeadLetterNotFoundError } from '../dead-letters/errors.ts';
import { discardFirst, retryKey } from '../dead-letters/retry.ts';
import { shadowOf } from './shadow.ts';

export interface ShadowLettersParts {
  /** With the projector's rights. */
  readonly db: Database;
  readonly events: EventTypes;
  readonly projection: Projection;
}

interface First extends Record<string, unknown> {
  readonly key: string;
  readonly position: number;
  readonly discarded: boolean;
}

/**
 * What waits in the dead letters of a rebuild, though operators have dealt with it in those of the live read model meanwhile: it
 * would come back with the swap.
 */
export class ShadowLetters {
  readonly #parts: ShadowLettersParts;
  /** Events that could not be applied here. */
  readonly #failed = new Set<number>();

  constructor(parts: ShadowLettersParts) {
    this.#parts = parts;
  }

  /**
   * Discards what was discarded and applies what waits in the live read model no more, as far as it goes. Nobody may be filling
   * the shadow.
   * @returns true where the shadow was changed: who fills it has to begin again from its checkpoint.
   */
  async settle(): Promise<boolean> {
    let changed = false;
    for (const first of await this.#settled()) {
      if (this.#failed.has(first.position)) continue;
      if (await this.#apply(first)) changed = true;
    }
    return changed;
  }

  /** The first events of keys that wait here and not there. */
  #settled(): Promise<First[]> {
    const { db, projection } = this.#parts;
    const { name, version } = projection;
    const shadow = shadowOf(projection, 'rebuild').name;
    const there = sql`read.dead_letters l where l.projection = ${name} and l.position = f.position`;
    return db.execute<First>(sql`
      with f as (
        select distinct on (key) key, position, partial from read.dead_letters
        where projection = ${shadow} and status = 'PARKED' order by key, position
      )
      select key, position, exists (
        select from ${there} and l.status = 'DISCARDED' and l.version = ${version} and l.partial = f.partial
          and (l.key = f.key or not f.partial)
      ) as discarded
      from f
      where not exists (select from ${there} and l.status = 'PARKED')
        and position <= (select position from read.checkpoints where projection = ${name})
      order by position`);
  }

  async #apply({ key, position, discarded }: First): Promise<boolean> {
    const { db, events, projection } = this.#parts;
    const parts = { db, events, key, projection: shadowOf(projection, 'rebuild') };
    try {
      const { applied, error } = discarded
        ? await discardFirst(parts, position, { by: '', reason: null })
        : await retryKey(parts);
      if (error) this.#failed.add(error.position);
      return discarded || applied > 0;
    } catch (error) {
      // Another key has become one with this.
      if (error instanceof DeadLetterNotFoundError) return true;
      throw error;
    }
  }
}
