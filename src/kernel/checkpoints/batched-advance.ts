import DataLoader from 'dataloader';
import { sql } from 'drizzle-orm';
import { type Database, prepared } from '../../database/client.ts';
import { arrayText } from '../../database/column-arrays.ts';
import type { CheckpointAdvance } from './advance.ts';
import type { CheckpointPlace } from './checkpoint-place.ts';

/** A checkpoint's way over events of which its projection writes nothing. */
interface OwnMove extends CheckpointAdvance {
  readonly projection: string;
  /** Where its row was last seen. */
  readonly place: CheckpointPlace;
}

/**
 * Moves checkpoints together. Most projections handle few of the events, but each has to pass over all of them, so that nobody
 * waits for it in vain: what is asked at the same moment is one statement, however many projections there are.
 */
export class SharedMoves {
  readonly #loader: DataLoader<OwnMove, CheckpointPlace | undefined>;

  constructor(db: Database) {
    const placeholders = {
      names: 'text',
      froms: 'bigint',
      tos: 'bigint',
      owners: 'uuid',
      generations: 'int',
      places: 'tid',
    };
    const arrays = Object.entries(placeholders).map(
      ([name, type]) => sql`${sql.placeholder(name)}::text::${sql.raw(type)}[]`,
    );
    const move = prepared<{ projection: string; place: CheckpointPlace }>(
      db,
      'checkpoints_move',
      // One whose row is locked is passed over: what keeps it must not keep the others.
      sql`select projection, place::text from unnest(${sql.join(arrays, sql`, `)}) as a(projection, "from", "to", owner, generation, seen)
          cross join lateral read.move_checkpoint(projection, "from", "to", owner, generation, seen, false) as m(place)
          where place is not null`,
    );
    this.#loader = new DataLoader(
      async (moves) => {
        const rows = await move({
          names: arrayText(moves.map(({ projection }) => projection)),
          froms: arrayText(moves.map(({ from }) => from)),
          tos: arrayText(moves.map(({ to }) => to)),
          owners: arrayText(moves.map(({ owner }) => owner)),
          generations: arrayText(moves.map(({ generation }) => generation)),
          places: arrayText(moves.map(({ place }) => place)),
        });
        const moved = new Map(rows.map(({ projection, place }) => [projection, place]));
        return moves.map(({ projection }) => moved.get(projection));
      },
      { cache: false },
    );
  }

  /** @returns where its row is now; undefined if it is not where the move begins, is another's, or is locked just now. */
  move(projection: string, move: Omit<OwnMove, 'projection'>): Promise<CheckpointPlace | undefined> {
    return this.#loader.load({ projection, ...move });
  }
}
