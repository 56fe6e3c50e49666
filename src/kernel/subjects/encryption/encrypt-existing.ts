import { randomBytes, randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { type Actor, SYSTEM } from '../../define/access/actor.ts';
import type { Subject } from '../../define/personal/subject.ts';
import { EventsEncrypted } from '../../define/subjects/events-encrypted.ts';
import { newId } from '../../log/new-id.ts';
import { GONE } from '../../privacy/keyring.ts';
import { sealData } from '../../privacy/sealed-data.ts';
import type { SubjectKeys } from '../../privacy/subject-keys.ts';
import { ENCRYPTIONS } from '../../proof/encryption-certificate.ts';
import { keyedFingerprint } from '../../write/command-identity.ts';
import { metadataOf } from '../../write/event-metadata.ts';
import { type PlainEvent, PlainEvents, type PlainEventsParts } from './plain-events.ts';

export interface EncryptionParts extends PlainEventsParts {
  /** With the rights of the log's owner: nobody else may rewrite an event. */
  readonly owner: Database;
  readonly keys: Pick<SubjectKeys, 'forWriting' | 'hashKey'>;
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
  /** People who were erased before, and of whom there were plain events. */
  readonly erased: ReadonlySet<Subject>;
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
  const erased = new Set<Subject>();
  let encrypted = 0;
  for await (const batch of new PlainEvents(parts).batches()) {
    signal?.throwIfAborted();
    const sealed = await seal(parts, batch.events, erased);
    if (sealed.length > 0) encrypted += await rewrite(owner, sealed, actor);
    left.push(...batch.left.slice(0, MAX_LEFT - left.length));
    onProgress?.(batch.position);
  }
  return { encrypted, left, erased };
}

interface SealedEvent {
  readonly p: number;
  readonly d: unknown;
  readonly f: string | null;
}

async function seal(
  { keys }: EncryptionParts,
  events: readonly PlainEvent[],
  erased: Set<Subject>,
): Promise<SealedEvent[]> {
  const found = await keys.forWriting(
    events.flatMap(({ subject, parts }) => parts.map(({ until }) => ({ subject, until }))),
  );
  return events.map(({ position, data, subject, parts, place, fingerprint }) => {
    const sealed = sealData(data, { subject, parts }, place, (ref) => {
      const key = found(ref);
      if (key !== GONE) return key;
      erased.add(ref.subject);
      // Nobody keeps this key, so that the parts are erased at once.
      return randomBytes(32);
    });
    return { p: position, d: sealed, f: fingerprint && keyedFingerprint(fingerprint, keys.hashKey) };
  });
}

/** @returns the number of events: fewer if another call has encrypted some of them meanwhile. */
function rewrite(owner: Database, sealed: readonly SealedEvent[], actor: Actor): Promise<number> {
  return owner.transaction(async (tx) => {
    const id = randomUUID();
    await tx.execute(sql`select set_config('afterwrite.rewrite', ${id}, true)`);
    const rows = await tx.execute<{ position: number; leaf: string }>(sql`
      with rewritten as (
        update es.events e set data = s.d, command_fingerprint = s.f
        from jsonb_to_recordset(${JSON.stringify(sealed)}::jsonb) as s(p bigint, d jsonb, f uuid)
        where e.position = s.p and not e.data ? '$personal'
        returning e.position, e.stream_type, e.stream_id, encode(es.event_leaf(e), 'hex') as leaf
      ), forgotten as (
        -- What a snapshot has of these streams is plain.
        delete from es.snapshots n using rewritten r where n.stream_type = r.stream_type and n.stream_id = r.stream_id
      )
      select position, leaf from rewritten order by position`);
    if (rows.length > 0) await certify(tx, id, rows, actor);
    return rows.length;
  });
}

async function certify(
  tx: Pick<Database, 'execute'>,
  id: string,
  rows: readonly { readonly position: number; readonly leaf: string }[],
  actor: Actor,
): Promise<void> {
  const { eventName, schemaVersion } = EventsEncrypted;
  const commandId = newId();
  const data = {
    positions: rows.map(({ position }) => Number(position)),
    leaves: rows.map(({ leaf }) => leaf).join(''),
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
