import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { prepared } from '../../database/driver/drizzle/prepared.ts';
import type { Effect } from '../define/process-manager/effect.ts';
import type { Process } from '../define/process-manager/process.ts';
import { answerIdOf, type EffectAnswers } from './effect-answers.ts';

/** Number of events in one query. */
const PAGE = 1000;

/**
 * The position at which a kind of process, or an effect, begins if it has no checkpoint. A new one begins at the end of
 * the log, because it would otherwise act on events of the past. One whose checkpoint was lost has left traces in the
 * log. It begins just before the first of them, so that unfinished work is finished; events that it has handled before
 * have no effect the second time.
 */
export class StartPositions {
  readonly #answers: EffectAnswers;
  readonly #process: ReturnType<typeof prepared<{ position: number }>>;
  readonly #asked: ReturnType<typeof prepared<{ position: number; event_id: string }>>;
  readonly #head: ReturnType<typeof prepared<{ position: number }>>;

  constructor(db: Database, answers: EffectAnswers) {
    this.#answers = answers;
    // Materialized and not ordered by position: otherwise Postgres would scan the whole log for a kind without streams.
    this.#process = prepared(
      db,
      'processes_beginning',
      sql`with own as materialized (select position from es.events where stream_type = ${sql.placeholder('type')} and version = 1),
               first as (select position, metadata from es.events where position = (select min(position) from own))
          select coalesce((select e.position from es.events e
                           where e.position < first.position and e.event_id = (first.metadata ->> 'causationId')::uuid
                           order by e.position desc limit 1), first.position) as position
          from first`,
    );
    this.#asked = prepared(
      db,
      'effects_asked',
      sql`select position, event_id from es.events
          where position > ${sql.placeholder('after')} and type = any(${sql.placeholder('types')}::text::text[])
          order by position limit ${sql.placeholder('limit')}`,
    );
    this.#head = prepared(db, 'processes_head', sql`select coalesce(max(position), 0) as position from es.events`);
  }

  /** Just before the event that began the first process of the kind. */
  async ofProcess({ name }: Process): Promise<number> {
    const [first] = await this.#process({ type: name });
    return first ? first.position - 1 : this.#end();
  }

  /** Just before the first event whose call has been answered. */
  async ofEffect({ name, on }: Effect): Promise<number> {
    // Read first: events that come while the log is read are not in the past.
    const end = await this.#end();
    const types = `{${[...on.keys()].map((type) => JSON.stringify(type)).join(',')}}`;
    for (let after = 0; ; ) {
      const asked = await this.#asked({ after, types, limit: PAGE });
      const answered = await this.#answers.among(asked.map(({ event_id }) => answerIdOf(name, event_id)));
      const first = asked.find(({ event_id }) => answered.has(answerIdOf(name, event_id)));
      if (first) return first.position - 1;
      const last = asked.at(-1);
      if (!last) return end;
      after = last.position;
    }
  }

  async #end(): Promise<number> {
    const [row] = await this.#head({});
    return row?.position ?? 0;
  }
}
