import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { UnreadableEventError } from '../define/event.ts';
import type { Subject } from '../define/personal/subject.ts';
import type { Registry } from '../define/registration/registry.ts';
import type { Keyring } from '../privacy/keyring.ts';
import { maskedData, sealOf } from '../privacy/sealed-data.ts';
import { retentionSubject } from '../privacy/subject-keys.ts';
import { outdatedTables } from './outdated-tables.ts';

/** Personal data that can be read although it should not. */
export interface StoreFindings {
  /** Kinds of events with personal parts that are stored as plain text. */
  readonly plain: readonly { readonly type: string; readonly events: number; readonly first: number }[];
  /** Number of events of which nobody can tell, because they cannot be decoded. */
  readonly undecodable: number;
  /** Erased people, and days as `until/2027-01-31`, of which the store does not know it, as after a restore of an older backup; at most 100. */
  readonly unrecorded: readonly Subject[];
  /** Days that are over, of which the keys are still kept: what was to be kept until then can still be read; at most 100. */
  readonly overdue: readonly { readonly until: string; readonly keys: number }[];
  /** Read tables, as `orders@3`, that were not made again since somebody was erased. */
  readonly outdated: readonly string[];
}

/** Rows that are read together. */
const PAGE = 1000;
const MAX_LISTED = 100;

interface PersonalRow extends Record<string, unknown> {
  readonly position: number;
  readonly type: string;
  readonly version: number;
  readonly data: unknown;
}

/**
 * Looks for personal data in a store that can be read although it should not. Reads every event with personal parts, and changes nothing.
 * @param keyring undefined if there is none: then erasures are not looked at.
 * @throws {KeyringError} or the database's error.
 */
export async function checkStore(
  db: Database,
  { events }: Pick<Registry, 'events'>,
  keyring: Keyring | undefined,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<StoreFindings> {
  const unrecorded = keyring ? await unrecordedErasures(db, keyring, signal) : [];
  const outdated = (await outdatedTables(db)).map(({ key }) => key);
  const overdue = await daysOver(db, new Set(unrecorded));
  return { ...(await plainEvents(db, events, signal)), unrecorded, overdue, outdated };
}

async function plainEvents(
  db: Database,
  events: Registry['events'],
  signal: AbortSignal | undefined,
): Promise<Pick<StoreFindings, 'plain' | 'undecodable'>> {
  const types = JSON.stringify(Object.keys(events).filter((type) => events[type]?.personalParts.exist));
  const found = new Map<string, { type: string; events: number; first: number }>();
  let undecodable = 0;
  for (let after = 0; ; ) {
    signal?.throwIfAborted();
    const rows = await db.execute<PersonalRow>(sql`
      select position, type, schema_version as version, data from es.events
      where position > ${after} and type in (select jsonb_array_elements_text(${types}::jsonb)) order by position limit ${PAGE}`);
    for (const row of rows) {
      const isPlain = hasPlainParts(row, events);
      if (isPlain === undefined) undecodable++;
      if (!isPlain) continue;
      const known = found.get(row.type) ?? { type: row.type, events: 0, first: Number(row.position) };
      found.set(row.type, { ...known, events: known.events + 1 });
    }
    const last = rows.at(-1);
    if (!last) return { plain: [...found.values()], undecodable };
    after = Number(last.position);
  }
}

/** True if a personal part of a stored event is not encrypted; undefined if the event cannot be decoded. */
function hasPlainParts({ type, version, data }: PersonalRow, events: Registry['events']): boolean | undefined {
  const definition = events[type];
  const sealed = sealOf(data)?.parts?.flatMap(({ at }) => at) ?? [];
  // An encrypted part of an older version may be elsewhere today. Such an event has been encrypted as a whole.
  if (sealed.length > 0 && version !== definition?.schemaVersion) return false;
  try {
    const parts = definition?.personalParts.find(definition.decode(maskedData(data), version)) ?? [];
    return parts.some(({ at }) => !sealed.some((each) => at === each || at.startsWith(`${each}/`)));
  } catch (error) {
    if (error instanceof UnreadableEventError) return undefined;
    throw error;
  }
}

/** Keys that are still stored, although they can never be unwrapped: of people, and of days that are over. */
async function unrecordedErasures(db: Database, keyring: Keyring, signal: AbortSignal | undefined): Promise<Subject[]> {
  const found: Subject[] = [];
  for (const [names, toSubject] of [
    [sql`subject`, (name: string) => name as Subject],
    [sql`until`, retentionSubject],
  ] as const) {
    for (let after = ''; found.length < MAX_LISTED; ) {
      signal?.throwIfAborted();
      const rows = await db.execute<{ name: string }>(
        sql`select distinct ${names} as name from es.subject_keys where ${names} <> '' and ${names} > ${after} order by 1 limit ${PAGE}`,
      );
      for (const { name } of rows) if (await keyring.isErased(toSubject(name))) found.push(toSubject(name));
      after = rows.at(-1)?.name ?? '';
      if (after === '') break;
    }
  }
  return found.slice(0, MAX_LISTED);
}

/** Days that are over by the time of Postgres, in UTC, and were not destroyed. */
async function daysOver(db: Database, unrecorded: ReadonlySet<Subject>): Promise<StoreFindings['overdue']> {
  const days = await db.execute<{ until: string; keys: number }>(sql`
    select until, count(*)::int as keys from es.subject_keys
    where until <> '' and until < to_char(now() at time zone 'UTC', 'YYYY-MM-DD')
    group by until order by until limit ${MAX_LISTED}`);
  return days
    .filter(({ until }) => !unrecorded.has(retentionSubject(until)))
    .map(({ until, keys }) => ({ until, keys }));
}
