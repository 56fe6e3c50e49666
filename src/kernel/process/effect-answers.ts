import { sql } from 'drizzle-orm';
import { v5 as uuidv5 } from 'uuid';
import type { Database } from '../../database/client.ts';
import { prepared } from '../../database/driver/drizzle/prepared.ts';
import { SYSTEM } from '../define/access/actor.ts';
import { asDerivedId } from '../define/derived-id.ts';

/**
 * The id of the command that an effect's answer to an event becomes. The bus stores it as a derived id; earlier
 * versions stored it unchanged.
 */
export function answerIdOf(effect: string, eventId: string): string {
  return uuidv5(`${effect} answer`, eventId);
}

/** Ids of earlier versions could also be used by clients, so the actor has to be the engine. */
const byEngine = sql.raw(`metadata -> 'actor' ->> 'id' = '${SYSTEM.id}'`);

/** Finds out if the answers of calls are in the log. */
export class EffectAnswers {
  readonly #known: ReturnType<typeof prepared<{ id: string }>>;

  constructor(db: Database) {
    this.#known = prepared(
      db,
      'effects_answered',
      sql`select command_id as id from es.events
          where command_fingerprint is not null and command_id = any(${sql.placeholder('ids')}::text::uuid[]) and ${byEngine}
          union all
          select command_id from es.receipts where command_id = any(${sql.placeholder('ids')}::text::uuid[]) and ${byEngine}`,
    );
  }

  /** Returns those of the ids that are in the log. */
  async among(ids: readonly string[]): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set();
    const given = new Map(ids.flatMap((id) => [[id, id] as const, [asDerivedId(id), id] as const]));
    const rows = await this.#known({ ids: `{${[...given.keys()].join(',')}}` });
    return new Set(rows.flatMap(({ id }) => given.get(id) ?? []));
  }
}
