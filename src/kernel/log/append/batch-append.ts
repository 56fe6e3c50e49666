import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { arrayText } from '../../../database/column-arrays.ts';
import { prepared } from '../../../database/driver/drizzle/prepared.ts';
import { wallTime } from '../../clock/wall-clock.ts';
import { type IdRules, typesSharingIds } from '../../write/id-rules.ts';
import { storedData } from './append.ts';
import type { WholeBatch } from './whole-batch.ts';

/** The place of a batch in the log. */
export interface BatchPlace {
  /** Position of the event before it; 0 if there is none. */
  readonly head: number;
  /** When it was recorded, in ms since 1970. */
  readonly recordedMs: number;
}

/** The arguments of `es.append_batch`, by name. The driver would write arrays in its own way, so they are sent as text. */
const ARGUMENTS = {
  // Of each stream.
  ...{ stream_types: 'text::text[]', stream_ids: 'text::uuid[]', befores: 'text::int[]', afters: 'text::int[]' },
  sharing_types: 'text::text[]',
  // Of each event.
  ...{ streams: 'text::int[]', versions: 'text::int[]', command_ids: 'text::uuid[]', fingerprints: 'text::uuid[]' },
  ...{ event_ids: 'text::uuid[]', types: 'text::text[]', schema_versions: 'text::smallint[]' },
  ...{ metadata: 'text::jsonb', data: 'text::jsonb' },
  ...{ former_command_ids: 'text::uuid[]', clock_ms: 'float8', clock_limit_ms: 'float8' },
} as const;

type Arguments = Record<keyof typeof ARGUMENTS, unknown>;

/** Appends a whole batch with one statement that takes an array for each column. */
export class BatchAppend {
  readonly #idRules: IdRules;
  readonly #clockLimitMs: number;
  readonly #append: (values: Arguments) => Promise<{ placed: string | null }[]>;

  /** @param clockLimitMs see `AppenderOptions`. */
  constructor(db: Database, idRules: IdRules, clockLimitMs: number) {
    this.#idRules = idRules;
    this.#clockLimitMs = clockLimitMs;
    const values = Object.entries(ARGUMENTS).map(
      ([name, type]) => sql`${sql.raw(name)} => ${sql.placeholder(name)}::${sql.raw(type)}`,
    );
    this.#append = prepared(
      db,
      'es_append_batch',
      sql`select es.append_batch(${sql.join(values, sql`, `)})::text as placed`,
    );
  }

  /**
   * @param eventIds for each append the ids of its events.
   * @returns undefined if its appends have to be judged by `es.append`; then nothing was appended.
   * @throws the database's error, such as a violated unique index if a stream or a command is not new.
   */
  async send(batch: WholeBatch, eventIds: readonly (readonly string[])[]): Promise<BatchPlace | undefined> {
    const [row] = await this.#append({
      ...this.#streamsOf(batch),
      ...eventsOf(batch, eventIds),
      ...{ clock_ms: this.#clockLimitMs > 0 ? wallTime() : null, clock_limit_ms: this.#clockLimitMs },
    });
    if (!row?.placed) return undefined;
    const [head = 0, recordedMs = 0] = row.placed.slice(1, -1).split(',').map(Number);
    return { head, recordedMs };
  }

  #streamsOf({ appends }: WholeBatch) {
    const firsts = appends.filter(({ stream, before }) => before === stream.base);
    return {
      stream_types: arrayText(firsts.map(({ append }) => append.streamType)),
      stream_ids: plainArray(firsts.map(({ append }) => append.streamId)),
      befores: plainArray(firsts.map(({ stream }) => stream.base)),
      afters: plainArray(firsts.map(({ stream }) => stream.version)),
      sharing_types: arrayText(firsts.map(({ append }) => this.#sharingTypes(append.streamType))),
    };
  }

  /** The text of an array; null if any type may have the same ids. */
  #sharingTypes(streamType: string): string | null {
    const types = typesSharingIds(this.#idRules, streamType);
    return types && arrayText(types);
  }
}

function eventsOf({ appends }: WholeBatch, eventIds: readonly (readonly string[])[]) {
  const streams: number[] = [];
  const versions: number[] = [];
  const commandIds: string[] = [];
  const fingerprints: (string | null)[] = [];
  const types: string[] = [];
  const schemaVersions: number[] = [];
  const metadata: object[] = [];
  const data: unknown[] = [];
  const formerIds: string[] = [];
  for (const { append, stream, before } of appends) {
    const last = append.events.length - 1;
    if (append.formerCommandId !== undefined) formerIds.push(append.formerCommandId);
    for (const [nth, event] of append.events.entries()) {
      streams.push(stream.number);
      versions.push(before + nth + 1);
      commandIds.push(append.commandId);
      fingerprints.push(nth === last ? append.fingerprint : null);
      types.push(event.type);
      schemaVersions.push(event.schemaVersion);
      metadata.push(append.metadata);
      data.push(storedData(append, nth, before));
    }
  }
  return {
    ...{ streams: plainArray(streams), versions: plainArray(versions) },
    ...{ command_ids: plainArray(commandIds), fingerprints: plainArray(fingerprints) },
    ...{ event_ids: plainArray(eventIds.flat()), types: arrayText(types) },
    ...{ schema_versions: plainArray(schemaVersions), former_command_ids: plainArray(formerIds) },
    ...{ metadata: JSON.stringify(metadata), data: JSON.stringify(data) },
  };
}

/** UUIDs and numbers, which need no quotes, as a Postgres array literal. */
function plainArray(values: readonly (string | number | null)[]): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`;
}
