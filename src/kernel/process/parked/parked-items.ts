import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { prepared } from '../../../database/driver/drizzle/prepared.ts';

/** Identifies an item: an event, or a deadline. */
export interface ParkedItemId {
  /** Type and id of the stream that waits. */
  readonly partition: string;
  /** The event's position; 0 for a deadline. */
  readonly position: number;
  /** The deadline's name; empty for an event. */
  readonly deadline: string;
  /** When the deadline was due, in ms since 1970; 0 for an event. */
  readonly dueMs: number;
}

/** An item to be parked. */
export interface ItemToPark extends ParkedItemId {
  /** Lines whose later events wait behind it. */
  readonly keys: readonly string[];
  readonly initiator: string;
  readonly eventType: string | null;
  readonly attempts: number;
  /** Why it failed; undefined if it only waits for an earlier item. */
  readonly failure?: ParkedFailure | undefined;
}

export interface ParkedFailure {
  readonly code: string;
  readonly message: string;
  /** False if it only waits, for example for another system. */
  readonly isFault: boolean;
}

/** A parked item that is due. */
export interface DueItem extends ParkedItemId {
  readonly keys: readonly string[];
  readonly initiator: string;
  readonly attempts: number;
  readonly isFault: boolean;
  /** True if an operator has decided to discard it. */
  readonly isDiscarded: boolean;
}

/** The first parked item that an operator should know about. */
export interface ParkedFault extends ParkedItemId {
  readonly eventType: string | null;
  readonly code: string;
  readonly error: string;
  readonly parkedAt: Date;
}

/** How long an item that is being retried is not taken again, in case this instance disappears. */
const CLAIM = sql.raw("interval '15 seconds'");

const isSame = sql`p.consumer = ${sql.placeholder('consumer')} and p.line = ${sql.placeholder('partition')}
  and p.position = ${sql.placeholder('position')} and p.deadline = ${sql.placeholder('deadline')}
  and p.due_at = to_timestamp(${sql.placeholder('dueMs')}::float8 / 1000)::timestamptz(3)`;

const name = sql`p.line as partition, p.position, p.deadline, round(extract(epoch from p.due_at) * 1000)::float8 as "dueMs"`;

/** The parked items of one kind of process or of an effect, as its owner needs them; see the table. */
export class ParkedItems {
  readonly #consumer: string;
  readonly #all: ReturnType<typeof prepared<ParkedItemId & { keys: string[]; initiator: string }>>;
  readonly #fault: ReturnType<typeof prepared<Omit<ParkedFault, 'parkedAt'> & { parked_ms: number }>>;
  readonly #begin: ReturnType<typeof prepared<object>>;
  readonly #park: ReturnType<typeof prepared<object>>;
  readonly #alreadyDiscarded: ReturnType<typeof prepared<ParkedItemId>>;
  readonly #release: ReturnType<typeof prepared<object>>;
  readonly #due: ReturnType<typeof prepared<DueItem & { keys: string[] }>>;
  readonly #fail: ReturnType<typeof prepared<object>>;
  readonly #rekey: ReturnType<typeof prepared<object>>;
  readonly #answered: ReturnType<typeof prepared<object>>;
  readonly #discarded: ReturnType<typeof prepared<object>>;

  constructor(db: Database, consumer: string) {
    this.#consumer = consumer;
    const mine = sql`p.consumer = ${sql.placeholder('consumer')} and p.status = 'PARKED'`;
    const isBehind = sql`exists (select from read.parked_items q where q.consumer = p.consumer and q.status = 'PARKED'
                                 and q.position < p.position and q.keys && p.keys)`;
    this.#all = prepared(
      db,
      'parked_all',
      sql`select ${name}, to_jsonb(p.keys) as keys, p.initiator from read.parked_items p where ${mine}`,
    );
    this.#fault = prepared(
      db,
      'parked_fault',
      sql`select ${name}, p.event_type as "eventType", p.code, p.error, extract(epoch from p.parked_at)::float8 * 1000 as parked_ms
          from read.parked_items p where ${mine} and p.is_fault order by p.parked_at, p.position limit 1`,
    );
    this.#begin = prepared(
      db,
      'parked_begin',
      sql`update read.parked_items p set retry_at = now() where ${mine} and not ${isBehind}`,
    );
    this.#park = prepared(
      db,
      'parked_park',
      sql`insert into read.parked_items (consumer, line, position, deadline, due_at, keys, initiator, event_type, attempts,
                                         is_fault, code, error, tried_at, retry_at)
          select ${sql.placeholder('consumer')}, partition, position, deadline, to_timestamp("dueMs" / 1000)::timestamptz(3),
                 array(select jsonb_array_elements_text(keys)), initiator, "eventType", attempts, "isFault", code, error,
                 case when attempts > 0 then now() end,
                 case when attempts > 0 then now() + "waitMs" * interval '1 ms' end
          from jsonb_to_recordset(${sql.placeholder('items')}::jsonb) as item(
            partition text, position bigint, deadline text, "dueMs" float8, keys jsonb, initiator text, "eventType" text,
            attempts int, "isFault" boolean, code text, error text, "waitMs" float8)
          on conflict do nothing`,
    );
    this.#alreadyDiscarded = prepared(
      db,
      'parked_already_discarded',
      sql`select ${name} from read.parked_items p
          join jsonb_to_recordset(${sql.placeholder('items')}::jsonb) as item(partition text, position bigint, deadline text, "dueMs" float8)
            on p.line = item.partition and p.position = item.position and p.deadline = item.deadline
              and p.due_at = to_timestamp("dueMs" / 1000)::timestamptz(3)
          where p.consumer = ${sql.placeholder('consumer')} and p.status = 'PASSED_OVER'`,
    );
    this.#release = prepared(
      db,
      'parked_release',
      sql`update read.parked_items p set retry_at = now()
          from (select key, (select min(q.position) from read.parked_items q
                             where q.consumer = ${sql.placeholder('consumer')} and q.status = 'PARKED'
                               and q.keys @> array[key]) as position
                from jsonb_array_elements_text(${sql.placeholder('keys')}::jsonb) key) head
          where ${mine} and p.retry_at is null and p.position = head.position and p.keys @> array[head.key]`,
    );
    this.#due = prepared(
      db,
      'parked_due',
      sql`update read.parked_items p set retry_at = now() + ${CLAIM}
          where (p.line, p.position, p.deadline, p.due_at, p.consumer) in (
            select p.line, p.position, p.deadline, p.due_at, p.consumer from read.parked_items p
            where ${mine} and p.retry_at <= now() and not ${isBehind}
            order by p.retry_at limit ${sql.placeholder('limit')})
          returning ${name}, to_jsonb(p.keys) as keys, p.initiator, p.attempts, p.is_fault as "isFault", p.passed_at is not null as "isDiscarded"`,
    );
    this.#fail = prepared(
      db,
      'parked_fail',
      sql`update read.parked_items p
          set attempts = p.attempts + 1, tried_at = now(),
              retry_at = now() + ${sql.placeholder('waitMs')}::float8 * interval '1 ms',
              code = ${sql.placeholder('code')}, error = ${sql.placeholder('error')},
              is_fault = ${sql.placeholder('isFault')}::boolean
          where ${isSame} and p.status = 'PARKED' and p.passed_at is null`,
    );
    this.#rekey = prepared(
      db,
      'parked_rekey',
      sql`update read.parked_items p set retry_at = null,
            keys = array(select jsonb_array_elements_text(${sql.placeholder('keys')}::jsonb))
          where ${isSame} and p.status = 'PARKED' and p.passed_at is null`,
    );
    this.#answered = prepared(
      db,
      'parked_answered',
      sql`delete from read.parked_items p where ${isSame} and p.status = 'PARKED'`,
    );
    this.#discarded = prepared(
      db,
      'parked_discarded',
      sql`update read.parked_items p set status = 'PASSED_OVER', retry_at = null where ${isSame} and p.status = 'PARKED'`,
    );
  }

  /**
   * Loads the parked items. Everything that can be retried is due from now on, because this code may be able to handle
   * it.
   */
  async begin(): Promise<readonly Pick<DueItem, keyof ParkedItemId | 'keys' | 'initiator'>[]> {
    await this.#begin({ consumer: this.#consumer });
    return this.#all({ consumer: this.#consumer });
  }

  /** The first item that was parked because of a fault. */
  async fault(): Promise<ParkedFault | undefined> {
    const [row] = await this.#fault({ consumer: this.#consumer });
    if (!row) return undefined;
    const { parked_ms, ...fault } = row;
    return { ...fault, parkedAt: new Date(parked_ms) };
  }

  /**
   * Parks items. An item that is parked already stays unchanged.
   * @param waitMs time after which failed items are retried, in ms.
   * @returns the items that were discarded before: they are finished.
   */
  async park(items: readonly ItemToPark[], waitMs: number): Promise<readonly ParkedItemId[]> {
    const rows = items.map(({ failure, ...item }) => ({
      ...item,
      waitMs,
      isFault: failure?.isFault ?? false,
      code: failure?.code ?? null,
      error: failure?.message ?? null,
    }));
    const given = { consumer: this.#consumer, items: JSON.stringify(rows) };
    await this.#park(given);
    await this.#releaseHeads(items.flatMap(({ keys }) => keys));
    return this.#alreadyDiscarded(given);
  }

  /** Takes due items, and those that an operator has decided to discard. */
  async due(limit: number): Promise<DueItem[]> {
    return this.#due({ consumer: this.#consumer, limit });
  }

  /** Records that an item failed again. It is due again after that time. */
  async failed(item: ParkedItemId, { code, message, isFault }: ParkedFailure, waitMs: number): Promise<void> {
    await this.#fail({ ...this.#named(item), code, error: message, isFault, waitMs });
  }

  /** The item belongs to other partitions too: it waits for what is parked there before it. */
  async rekey(item: ParkedItemId, keys: readonly string[]): Promise<void> {
    await this.#rekey({ ...this.#named(item), keys: JSON.stringify(keys) });
    await this.#releaseHeads(keys);
  }

  /** The item is done: the next one of its partitions is due. */
  async answered(item: ParkedItemId & Pick<DueItem, 'keys'>): Promise<void> {
    await this.#answered(this.#named(item));
    await this.#releaseHeads(item.keys);
  }

  /** The item is discarded permanently. The record stays. */
  async discarded(item: ParkedItemId & Pick<DueItem, 'keys'>): Promise<void> {
    await this.#discarded(this.#named(item));
    await this.#releaseHeads(item.keys);
  }

  async #releaseHeads(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#release({ consumer: this.#consumer, keys: JSON.stringify([...new Set(keys)]) });
  }

  #named({ partition, position, deadline, dueMs }: ParkedItemId) {
    return { consumer: this.#consumer, partition, position, deadline, dueMs };
  }
}
