import { type SQL, sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { prepared } from '../../database/driver/drizzle/prepared.ts';
import { type CheckpointAdvance, type CheckpointPlace, FencedError, moveCheckpoint, UNKNOWN_PLACE } from './advance.ts';
import type { CheckpointBatcher } from './batched-advance.ts';

const parameter = (name: string, type: string) => sql`${sql.placeholder(name)}::text::${sql.raw(type)}`;

/** A checkpoint that was moved, with the new place of its row. */
export interface Moved {
  readonly place: CheckpointPlace;
}

/**
 * Moves one checkpoint, alone or within the statement that writes the changes of its events. Remembers the place of the
 * row.
 */
export class CheckpointMover {
  /** Moves the checkpoint within a larger statement. Returns one row with `place` if it was moved, else none. */
  readonly statement: SQL;
  readonly #db: Database;
  readonly #key: string;
  readonly #batcher: CheckpointBatcher | undefined;
  readonly #alone: (parameters: Record<string, unknown>) => Promise<Moved[]>;
  #place: CheckpointPlace = UNKNOWN_PLACE;

  /** @param batcher moves it together with others that are moved at the same moment. */
  constructor(db: Database, key: string, batcher?: CheckpointBatcher) {
    this.#db = db;
    this.#key = key;
    this.#batcher = batcher;
    const call = moveCheckpoint({
      key: sql`${key}`,
      from: parameter('from', 'bigint'),
      to: parameter('to', 'bigint'),
      owner: parameter('owner', 'uuid'),
      generation: parameter('generation', 'int'),
      place: parameter('place', 'tid'),
      waits: sql`true`,
      failure: parameter('failure', 'text'),
    });
    this.statement = sql`select place from ${call} as m(place) where place is not null`;
    this.#alone = prepared(db, `${key}_move`, sql`with moved as (${this.statement}) select place::text from moved`);
  }

  /** The parameters of {@link statement}. */
  parametersOf({ failure = null, ...advance }: CheckpointAdvance): Record<string, unknown> {
    return { ...advance, failure, place: this.#place };
  }

  /**
   * Processes the result of a statement that contains {@link statement}.
   * @throws {FencedError} if the checkpoint was not moved.
   */
  moved([moved]: readonly Moved[]): void {
    if (!moved) throw new FencedError(this.#key);
    this.#place = moved.place;
  }

  /**
   * Locks the checkpoint until the transaction ends, before anything is written, so that nobody else moves it meanwhile.
   * @throws {FencedError} if the checkpoint has another position or another owner than expected.
   */
  async hold({ from, owner, generation }: CheckpointAdvance): Promise<void> {
    const held = await this.#db.execute(sql`
      select from read.checkpoints
      where projection = ${this.#key} and owner = ${owner} and generation = ${generation}
        and position = coalesce(${from}::bigint, position) for no key update`);
    if (held.length === 0) throw new FencedError(this.#key);
  }

  /**
   * Moves the checkpoint and writes nothing else.
   * @throws {FencedError} if the checkpoint has another position or another owner than expected.
   */
  async move(advance: CheckpointAdvance): Promise<void> {
    const { from } = advance;
    const place =
      from === null ? undefined : await this.#batcher?.move(this.#key, { ...advance, from, place: this.#place });
    this.moved(place === undefined ? await this.#alone(this.parametersOf(advance)) : [{ place }]);
  }
}
