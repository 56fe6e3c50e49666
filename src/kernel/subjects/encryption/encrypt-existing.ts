import { randomBytes, randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { type Actor, SYSTEM } from '../../define/access/actor.ts';
import type { Subject } from '../../define/personal/subject.ts';
import { EventsEncrypted } from '../../define/subjects/events-encrypted.ts';
import { ERASURES } from '../../define/subjects/subject-erased.ts';
import { newId } from '../../log/new-id.ts';
import { GONE } from '../../privacy/keyring.ts';
import { type KeyRef, sealData } from '../../privacy/sealed-data.ts';
import { retentionSubject, type SubjectKeys } from '../../privacy/subject-keys.ts';
import { ENCRYPTIONS } from '../../proof/encryption-certificate.ts';
import { keyedFingerprint } from '../../write/command-identity.ts';
import { metadataOf } from '../../write/event-metadata.ts';
import { type PlainEvent, PlainEvents, type PlainEventsParts } from './plain-events.ts';

export interface EncryptionParts extends PlainEventsParts {
  /** With the rights of the log's owner: nobody else may rewrite an event. */
  readonly owner: Database;
  readonly keys: Pick<SubjectKeys, 'forWriting' | 'forReading' | 'hashKey'>;
}

export interface EncryptionOptions {
  readonly actor?: Actor;
  readonly signal?: AbortSignal | undefined;
  /** Called with the last position that was looked at. */
  readonly onProgress?: ((position: number) => void) | undefined;
}

export interface EncryptionResult {
  /** Number of events that were encrypted. */
  readonly encrypted: number;
  /** Positions of events with personal parts that cannot be encrypted, since they have another shape than today's; at most 100. */
  readonly left: readonly number[];
}

/** The log is not chained to its end, so that a rewrite could not be told from a forgery. */
export class NotChainedError extends Error {
  readonly code = 'NOT_CHAINED';

  constructor() {
    super(
      'Older events have no hashes yet: a server computes them in the background. Nothing was encrypted; try again later.',
    );
    this.name = 'NotChainedError';
  }
}

const MAX_LEFT = 100;

/**
 * Encrypts the personal parts of events that were stored as plain text, a batch at a time, each in a transaction of its own that
 * also appends the event that certifies it. It works beside servers that have the keyring. If it is interrupted, call it again.
 * @throws {NotChainedError}, {KeyringError} or the database's error.
 */
export async function encryptExisting(
  parts: EncryptionParts,
  { actor = SYSTEM, signal, onProgress }: EncryptionOptions = {},
): Promise<EncryptionResult> {
  const { owner } = parts;
  const [chain] = await owner.execute(sql`select from es.chain where completed_at is not null`);
  if (!chain) throw new NotChainedError();
  const left: number[] = [];
  let encrypted = 0;
  for await (const batch of new PlainEvents(parts).batches()) {
    signal?.throwIfAborted();
    const { events, erased } = await seal(parts, batch.events);
    if (events.length > 0) encrypted += await rewrite(owner, { events, erased }, actor);
    left.push(...batch.left.slice(0, MAX_LEFT - left.length));
    onProgress?.(batch.position);
  }
  return { encrypted, left };
}

interface SealedEvent {
  readonly p: number;
  readonly d: unknown;
  readonly f: string | null;
}

interface SealedBatch {
  readonly events: readonly SealedEvent[];
  /** The subjects whose parts were destroyed. */
  readonly erased: readonly Subject[];
}

/**
 * The subjects that were erased before, and of which there were plain events: they have to be erased again, because read models have
 * what was plain. The log says it, so nobody is left out if this or an earlier call was interrupted.
 * @param db with the rights of the log's owner.
 */
export async function erasedWhilePlain(db: Database): Promise<Subject[]> {
  const rows = await db.execute<{ subject: Subject }>(sql`
    select subject from (
      select jsonb_array_elements_text(c.data->'erased') as subject, c.position from es.events c
      where c.stream_type = ${ENCRYPTIONS.streamType} and c.stream_id = ${ENCRYPTIONS.streamId}::uuid
    ) found
    group by subject
    having max(position) > coalesce((
      select max(e.position) from es.events e
      where e.stream_type = ${ERASURES.streamType} and e.stream_id = ${ERASURES.streamId}::uuid and e.data->>'subject' = subject
    ), 0)
    order by subject`);
  return rows.map(({ subject }) => subject);
}

async function seal({ keys }: EncryptionParts, events: readonly PlainEvent[]): Promise<SealedBatch> {
  const gone: KeyRef[] = [];
  const found = await keys.forWriting(
    events.flatMap(({ subject, parts }) => parts.map(({ until }) => ({ subject, until }))),
  );
  const sealedEvents = events.map(({ position, data, subject, parts, place, fingerprint }) => {
    const sealed = sealData(data, { subject, parts }, place, (ref) => {
      const key = found(ref);
      if (key !== GONE) return key;
      gone.push(ref);
      // Nobody keeps this key, so that the parts are erased at once.
      return randomBytes(32);
    });
    return { p: position, d: sealed, f: fingerprint && keyedFingerprint(fingerprint, keys.hashKey) };
  });
  return { events: sealedEvents, erased: await erasedOf(gone, keys) };
}

/** What was erased: people, or only what was to be kept until a day that is over. */
async function erasedOf(gone: readonly KeyRef[], keys: Pick<SubjectKeys, 'forReading'>): Promise<Subject[]> {
  const ofPeople = await keys.forReading(gone.map(({ subject }) => ({ subject })));
  const names = gone.map(({ subject, until }) =>
    until === undefined || ofPeople({ subject }) === GONE ? subject : retentionSubject(until),
  );
  return [...new Set(names)];
}

/** @returns the number of events: fewer if another call has encrypted some of them meanwhile. */
function rewrite(owner: Database, { events, erased }: SealedBatch, actor: Actor): Promise<number> {
  return owner.transaction(async (tx) => {
    const id = randomUUID();
    await tx.execute(sql`select set_config('afterwrite.rewrite', ${id}, true)`);
    const rows = await tx.execute<{ position: number; leaf: string }>(sql`
      with rewritten as (
        update es.events e set data = s.d, command_fingerprint = s.f
        from jsonb_to_recordset(${JSON.stringify(events)}::jsonb) as s(p bigint, d jsonb, f uuid)
        where e.position = s.p and not e.data ? '$personal'
        returning e.position, e.stream_type, e.stream_id, encode(es.event_leaf(e), 'hex') as leaf
      ), forgotten as (
        -- What a snapshot has of these streams is plain.
        delete from es.snapshots n using rewritten r where n.stream_type = r.stream_type and n.stream_id = r.stream_id
      )
      select position, leaf from rewritten order by position`);
    if (rows.length > 0) await certify(tx, id, { rows, erased }, actor);
    return rows.length;
  });
}

interface Rewritten extends Pick<SealedBatch, 'erased'> {
  readonly rows: readonly { readonly position: number; readonly leaf: string }[];
}

async function certify(
  tx: Pick<Database, 'execute'>,
  id: string,
  { rows, erased }: Rewritten,
  actor: Actor,
): Promise<void> {
  const { eventName, schemaVersion } = EventsEncrypted;
  const commandId = newId();
  const data = {
    positions: rows.map(({ position }) => Number(position)),
    leaves: rows.map(({ leaf }) => leaf).join(''),
    ...(erased.length > 0 ? { erased } : {}),
  };
  const append = {
    ...{ t: ENCRYPTIONS.streamType, i: ENCRYPTIONS.streamId, v: null, c: commandId, f: commandId, o: null, r: newId() },
    m: metadataOf({ actor }, commandId),
    e: [{ i: id, t: eventName, s: schemaVersion, d: data }],
  };
  const [row] = await tx.execute<{ outcome: string }>(
    sql`select outcome from es.append(${JSON.stringify([append])}::jsonb)`,
  );
  if (row?.outcome !== 'accepted') throw new Error(`The encryption was not recorded: ${row?.outcome}.`);
}
