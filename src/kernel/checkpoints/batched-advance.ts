import DataLoader from 'dataloader';
import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { arrayText } from '../../database/column-arrays.ts';
import { prepared } from '../../database/driver/drizzle/prepared.ts';
import { type CheckpointAdvance, type CheckpointPlace, moveCheckpoint } from './advance.ts';

/** An advance over events that change nothing. */
interface EmptyAdvance extends Omit<CheckpointAdvance, 'failure'> {
  readonly key: string;
  readonly from: number;
  /** Where the checkpoint's row was last seen. */
  readonly place: CheckpointPlace;
}

/**
 * Moves checkpoints together. Most projections handle few of the events, but each has to move past all of them, or a
 * token for one would wait forever. Checkpoints that are moved at the same moment share one statement.
 */
export class CheckpointBatcher {
  readonly #loader: DataLoader<EmptyAdvance, CheckpointPlace | undefined>;

  constructor(db: Database) {
    const array = (name: string, type: string) => sql`${sql.placeholder(name)}::text::${sql.raw(type)}[]`;
    const call = moveCheckpoint({
      key: sql`key`,
      from: sql`"from"`,
      to: sql`"to"`,
      owner: sql`owner`,
      generation: sql`generation`,
      place: sql`seen`,
      // A checkpoint whose row is locked is skipped, so that the session that holds the lock does not delay the others.
      waits: sql`false`,
      failure: sql`null`,
    });
    const move = prepared<{ key: string; place: CheckpointPlace }>(
      db,
      'checkpoints_move',
      sql`select key, place::text
          from unnest(${array('key', 'text')}, ${array('from', 'bigint')}, ${array('to', 'bigint')}, ${array('owner', 'uuid')},
                      ${array('generation', 'int')}, ${array('place', 'tid')}) as a(key, "from", "to", owner, generation, seen)
          cross join lateral ${call} as m(place) where place is not null`,
    );
    this.#loader = new DataLoader(
      async (advances) => {
        const list = (property: keyof EmptyAdvance) => arrayText(advances.map((advance) => advance[property]));
        const rows = await move({
          key: list('key'),
          from: list('from'),
          to: list('to'),
          owner: list('owner'),
          generation: list('generation'),
          place: list('place'),
        });
        const moved = new Map(rows.map(({ key, place }) => [key, place]));
        return advances.map(({ key }) => moved.get(key));
      },
      { cache: false },
    );
  }

  /**
   * @returns the new place of the row; undefined if the checkpoint has another position or owner, or its row is locked.
   */
  move(
    key: string,
    { from, to, owner, generation, place }: Omit<EmptyAdvance, 'key'>,
  ): Promise<CheckpointPlace | undefined> {
    return this.#loader.load({ key, from, to, owner, generation, place });
  }
}
