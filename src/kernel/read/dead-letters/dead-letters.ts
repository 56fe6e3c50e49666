import { type SQL, sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { arrayText } from '../../../database/column-arrays.ts';
import type { EventTypes } from '../../define/event.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import type { SubjectKeys } from '../../privacy/subject-keys.ts';
import { UnknownProjectionError } from './errors.ts';
import { discardFirst, type RetryOutcome, retryKey } from './retry/retry.ts';
import type { RetryParts } from './retry/retry-page.ts';

/** A key under which events are parked, with its first event. */
export interface ParkedKey {
  readonly projection: string;
  /** Type and id of the stream of the poison event. */
  readonly key: string;
  /** The poison event: the first that is parked under the key. */
  readonly position: number;
  readonly streamType: string;
  readonly streamId: string;
  readonly eventType: string;
  /** Why it could not be applied; null if it became the first event of the key and was not tried since. */
  readonly error: string | null;
  readonly parkedAt: Date;
  /** Number of events that wait behind it. */
  readonly behind: number;
}

/** An event that is parked. */
export interface DeadLetter {
  readonly position: number;
  readonly streamType: string;
  readonly streamId: string;
  readonly eventType: string;
  /** True if only its changes of some rows are parked. */
  readonly partial: boolean;
  readonly error: string | null;
  readonly parkedAt: Date;
}

export interface DeadLettersOptions {
  /** With the projector's rights. */
  readonly db: Database;
  readonly projections: Iterable<Projection>;
  /** Every event type that the log may contain, by name. */
  readonly events: EventTypes;
  /** The keys of personal data; undefined if there is no keyring. */
  readonly keys?: SubjectKeys | undefined;
  /** Maximum number of events that are applied in one transaction; default: 1000. */
  readonly pageSize?: number;
  /** Called when something other than its runner may have changed a projection. */
  readonly onChanged?: (projection: string) => void;
}

/** The last key of the previous page. */
export type After = Pick<ParkedKey, 'projection' | 'position' | 'key'>;

/** The events that projections could not apply, and the tools of operators for them. */
export class DeadLetters {
  readonly #options: DeadLettersOptions;
  readonly #projections: ReadonlyMap<string, Projection>;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
    this.#projections = new Map([...options.projections].map((projection) => [projection.name, projection]));
  }

  /** @throws {UnknownProjectionError} if there is no such projection. */
  check(projection: string): void {
    if (!this.#projections.has(projection)) throw new UnknownProjectionError(projection, this.#projections.keys());
  }

  /**
   * Keys under which events are parked, in the order of projections and poison events.
   * @param projection undefined for all.
   */
  async keys(projection: string | undefined, limit: number, after?: After): Promise<ParkedKey[]> {
    const wanted = this.#wanted(projection);
    const names = arrayText(wanted.map(({ name }) => name));
    const checkpoints = arrayText(wanted.map(({ checkpoint }) => checkpoint.key));
    const beyond: SQL = after
      ? sql`where (projection, position, key) > (${after.projection}, ${after.position}, ${after.key})`
      : sql``;
    const rows = await this.#options.db.execute<Stored<ParkedKey>>(sql`
      select * from (
        select distinct on (name, key) name as projection, key, position, stream_type as "streamType", stream_id as "streamId",
               event_type as "eventType", error, extract(epoch from parked_at)::float8 * 1000 as "parkedMs",
               (count(*) over (partition by name, key) - 1)::int as behind
        from read.dead_letters
        join unnest(${names}::text::text[], ${checkpoints}::text::text[]) as wanted(name, checkpoint) on projection = checkpoint
        where status = 'PARKED'
        order by name, key, read.dead_letters.position
      ) as first ${beyond}
      order by projection, position, key limit ${limit}`);
    return rows.map(withDate);
  }

  /**
   * Number of keys under which events are parked.
   * @param projection undefined for all.
   */
  async count(projection: string | undefined): Promise<number> {
    const checkpoints = arrayText(this.#wanted(projection).map(({ checkpoint }) => checkpoint.key));
    const [counted] = await this.#options.db.execute<{ keys: number }>(sql`
      select count(distinct (projection, key))::int as keys from read.dead_letters
      where projection = any(${checkpoints}::text::text[]) and status = 'PARKED'`);
    return counted?.keys ?? 0;
  }

  /** The events that are parked under a key, in order. */
  async events(projection: string, key: string, limit: number, after = 0): Promise<DeadLetter[]> {
    const { checkpoint } = this.#projection(projection);
    const rows = await this.#options.db.execute<Stored<DeadLetter>>(sql`
      select position, stream_type as "streamType", stream_id as "streamId", event_type as "eventType", partial, error,
             extract(epoch from parked_at)::float8 * 1000 as "parkedMs"
      from read.dead_letters
      where projection = ${checkpoint.key} and key = ${key} and status = 'PARKED' and position > ${after}
      order by position limit ${limit}`);
    return rows.map(withDate);
  }

  /**
   * Applies the events that are parked under a key, in order and as far as possible. It works whichever instance runs
   * the projection.
   * @throws {UnknownProjectionError} DeadLetterNotFoundError, OtherVersionError
   */
  async retry(projection: string, key: string): Promise<RetryOutcome> {
    return this.#changing(projection, () => retryKey(this.#partsOf(projection, key)));
  }

  /**
   * Discards the first event of a key permanently, also for rebuilds of the same version of the projection. Then
   * applies the events behind it.
   * @param position the position of the event to discard.
   * @param by who decided it, and why.
   * @throws {UnknownProjectionError} DeadLetterNotFoundError, DeadLetterChangedError, OtherVersionError
   */
  async discard(
    projection: string,
    key: string,
    position: number,
    by: { readonly by: string; readonly reason: string | null },
  ): Promise<RetryOutcome> {
    return this.#changing(projection, () => discardFirst(this.#partsOf(projection, key), position, by));
  }

  /** @throws {UnknownProjectionError} if there is no such projection. */
  #wanted(projection: string | undefined): Projection[] {
    if (projection !== undefined) this.check(projection);
    return [...this.#projections.values()].filter(({ name }) => projection === undefined || name === projection);
  }

  #partsOf(name: string, key: string): RetryParts {
    const { db, events, keys, pageSize } = this.#options;
    return { db, events, keys, key, pageSize, projection: this.#projection(name) };
  }

  #projection(name: string): Projection {
    this.check(name);
    return this.#projections.get(name) as Projection;
  }

  async #changing<T>(projection: string, change: () => Promise<T>): Promise<T> {
    try {
      return await change();
    } finally {
      this.#options.onChanged?.(projection);
    }
  }
}

/** A row as it is read, with the instant in milliseconds. */
type Stored<T> = Record<string, unknown> & Omit<T, 'parkedAt'> & { readonly parkedMs: number };

function withDate<T extends { readonly parkedMs: number }>(row: T): T & { readonly parkedAt: Date } {
  return { ...row, parkedAt: new Date(Math.round(row.parkedMs)) };
}
