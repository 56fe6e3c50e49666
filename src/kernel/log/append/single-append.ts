import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { arrayText } from '../../../database/column-arrays.ts';
import { prepared } from '../../../database/driver/drizzle/prepared.ts';
import { wallTime } from '../../clock/wall-clock.ts';
import { type IdRules, typesSharingIds } from '../../write/id-rules.ts';
import { type Append, storedData } from './append.ts';

/** The place of one event in the log and in its stream. */
export interface SinglePlace {
  /** Position of the event before it; 0 if there is none. */
  readonly head: number;
  /** The stream's version before it. */
  readonly before: number;
  /** When it was recorded, in ms since 1970. */
  readonly recordedMs: number;
}

/** The arguments of `es.append_one`, by name. The driver would write an array in its own way, so it is sent as text. */
const ARGUMENTS = {
  ...{ stream_type: 'text', stream_id: 'uuid', before: 'int', sharing_types: 'text::text[]' },
  ...{ command_id: 'uuid', former_command_id: 'uuid', fingerprint: 'uuid', metadata: 'jsonb' },
  ...{ event_id: 'uuid', type: 'text', schema_version: 'smallint', data: 'jsonb' },
  ...{ clock_ms: 'float8', clock_limit_ms: 'float8' },
} as const;

/** True for a batch of one event that occurs now and is decided on its stream alone. */
export function isSingle([append, another]: readonly Append[]): boolean {
  if (!append || another) return false;
  const { events, occurredAt, held } = append;
  return events.length === 1 && !occurredAt && !held?.length;
}

/**
 * Appends one event with one statement that takes plain values. A caller that is alone waits for all of it, so nothing is packed
 * into JSON here and unpacked there.
 */
export class SingleAppend {
  readonly #idRules: IdRules;
  readonly #clockLimitMs: number;
  readonly #append: (values: Record<keyof typeof ARGUMENTS, unknown>) => Promise<{ placed: string | null }[]>;

  /** @param clockLimitMs see `AppenderOptions`. */
  constructor(db: Database, idRules: IdRules, clockLimitMs: number) {
    this.#idRules = idRules;
    this.#clockLimitMs = clockLimitMs;
    const values = Object.entries(ARGUMENTS).map(
      ([name, type]) => sql`${sql.raw(name)} => ${sql.placeholder(name)}::${sql.raw(type)}`,
    );
    this.#append = prepared(
      db,
      'es_append_one',
      sql`select es.append_one(${sql.join(values, sql`, `)})::text as placed`,
    );
  }

  /**
   * @param append see {@link isSingle}.
   * @param ids the id of its event.
   * @returns undefined if the append has to be judged by `es.append`; then nothing was appended.
   * @throws the database's error, such as a violated unique index if the stream or the command is not new.
   */
  async send(append: Append, [eventId]: readonly string[]): Promise<SinglePlace | undefined> {
    const { streamType, streamId, events, metadata } = append;
    const [event] = events;
    if (!event) return undefined;
    const [row] = await this.#append({
      ...{ stream_type: streamType, stream_id: streamId, before: append.expectedVersion },
      sharing_types: this.#sharingTypes(streamType),
      ...{ command_id: append.commandId, former_command_id: append.formerCommandId ?? null },
      ...{ fingerprint: append.fingerprint, metadata: JSON.stringify(metadata) },
      ...{ event_id: eventId, type: event.type, schema_version: event.schemaVersion },
      data: JSON.stringify(storedData(append, 0)),
      ...{ clock_ms: this.#clockLimitMs > 0 ? wallTime() : null, clock_limit_ms: this.#clockLimitMs },
    });
    if (!row?.placed) return undefined;
    const [head = 0, before = 0, recordedMs = 0] = row.placed.slice(1, -1).split(',').map(Number);
    return { head, before, recordedMs };
  }

  /** The other stream types that may have the same ids, in Postgres' text form; null if any may. */
  #sharingTypes(streamType: string): string | null {
    const types = typesSharingIds(this.#idRules, streamType);
    return types && arrayText(types);
  }
}
