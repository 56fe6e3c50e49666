import { sql } from 'drizzle-orm';
import { v5 as uuidv5 } from 'uuid';
import { type Database, prepared } from '../../database/client.ts';

/** The id of the command that the answer to an event's call becomes. */
export function answerIdOf(effect: string, eventId: string): string {
  return uuidv5(`${effect} answer`, eventId);
}

/** Knows of calls whether their answers are in the log. */
export class Answers {
  readonly #known: ReturnType<typeof prepared<{ id: string }>>;

  constructor(db: Database) {
    this.#known = prepared(
      db,
      'effects_answered',
      sql`select command_id as id from es.events
          where command_fingerprint is not null and command_id = any(${sql.placeholder('ids')}::text::uuid[])
          union all
          select command_id from es.receipts where command_id = any(${sql.placeholder('ids')}::text::uuid[])`,
    );
  }

  /** Which of these are there. */
  async among(ids: readonly string[]): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set();
    const rows = await this.#known({ ids: `{${ids.join(',')}}` });
    return new Set(rows.map(({ id }) => id));
  }
}
