import DataLoader from 'dataloader';
import { sql } from 'drizzle-orm';
import { type Database, prepared } from '../../database/client.ts';
import { arrayText } from './column-arrays.ts';
import type { Move } from './projection-table.ts';

/** A checkpoint's way over events of which its projection writes nothing. */
interface OwnMove extends Move {
  readonly projection: string;
}

/**
 * Moves checkpoints together. Most projections handle few of the events, but each has to pass over all of them, so that nobody
 * waits for it in vain: what is asked at the same moment is one statement, however many projections there are.
 */
export class SharedMoves {
  readonly #loader: DataLoader<OwnMove, boolean>;

  constructor(db: Database) {
    const placeholders = { names: 'text', froms: 'bigint', tos: 'bigint', owners: 'uuid', generations: 'int' };
    const arrays = Object.entries(placeholders).map(
      ([name, type]) => sql`${sql.placeholder(name)}::text::${sql.raw(type)}[]`,
    );
    const move = prepared<{ projection: string }>(
      db,
      'checkpoints_move',
      // One whose row is locked is passed over: what keeps it must not keep the others.
      sql`with asked as (
            select * from unnest(${sql.join(arrays, sql`, `)}) as a(projection, "from", "to", owner, generation)
          ),
          free as (
            select c.projection, a."to" from read.checkpoints c join asked a using (projection)
            where c.position = a."from" and c.owner = a.owner and c.generation = a.generation
            for no key update of c skip locked
          )
          update read.checkpoints c set position = free."to", updated_at = now() from free
          where c.projection = free.projection returning c.projection`,
    );
    this.#loader = new DataLoader(
      async (moves) => {
        const rows = await move({
          names: arrayText(moves.map(({ projection }) => projection)),
          froms: arrayText(moves.map(({ from }) => from)),
          tos: arrayText(moves.map(({ to }) => to)),
          owners: arrayText(moves.map(({ owner }) => owner)),
          generations: arrayText(moves.map(({ generation }) => generation)),
        });
        const moved = new Set(rows.map(({ projection }) => projection));
        return moves.map(({ projection }) => moved.has(projection));
      },
      { cache: false },
    );
  }

  /** @returns false where the checkpoint is not where the move begins, is another's, or is locked just now. */
  move(projection: string, move: Move): Promise<boolean> {
    return this.#loader.load({ projection, ...move });
  }
}
