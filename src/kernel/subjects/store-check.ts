import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { UnreadableEventError } from '../define/event.ts';
import type { Subject } from '../define/personal/subject.ts';
import type { Registry } from '../define/registration/registry.ts';
import type { Keyring } from '../privacy/keyring.ts';
import { maskedData, sealOf } from '../privacy/sealed-data.ts';
import { outdatedTables } from './outdated-tables.ts';

/** Personal data that can be read although it should not. */
export interface StoreFindings {
  /** Kinds of events with personal parts that are stored as plain text. */
  readonly plain: readonly { readonly type: string; readonly events: number; readonly first: number }[];
  /** Number of events of which nobody can tell, because they cannot be decoded. */
  readonly undecodable: number;
  /** Erased people of whom the store does not know it, as after a restore of an older backup; at most 100. */
  readonly unrecorded: readonly Subject[];
  /** Read tables, as `orders@3`, that were not made again since somebody was erased. */
  readonly outdated: readonly string[];
}

/** Rows that are read together. */
const PAGE = 1000;
const MAX_UNRECORDED = 100;

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
  return { ...(await plainEvents(db, events, signal)), unrecorded, outdated };
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

/** Keys that are still stored, although they can never be unwrapped. */
async function unrecordedErasures(db: Database, keyring: Keyring, signal: AbortSignal | undefined): Promise<Subject[]> {
  const found: Subject[] = [];
  for (let after = ''; found.length < MAX_UNRECORDED; ) {
    signal?.throwIfAborted();
    const rows = await db.execute<{ subject: Subject }>(
      sql`select distinct subject from es.subject_keys where subject > ${after} order by subject limit ${PAGE}`,
    );
    for (const { subject } of rows) if (await keyring.isErased(subject)) found.push(subject);
    after = rows.at(-1)?.subject ?? '';
    if (after === '') break;
  }
  return found.slice(0, MAX_UNRECORDED);
}
