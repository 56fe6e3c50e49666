import { hash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { pause } from '../../scheduling/sleeper.ts';
import type { EngineClock } from '../clock/database-clock.ts';
import { type Actor, SYSTEM } from '../define/access/actor.ts';
import { derivedId } from '../define/derived-id.ts';
import type { Subject } from '../define/personal/subject.ts';
import { ERASURES, SubjectErased } from '../define/subjects/subject-erased.ts';
import type { AppendQueue } from '../log/append/append-queue.ts';
import { newId } from '../log/new-id.ts';
import type { SubjectKeys } from '../privacy/subject-keys.ts';
import { metadataOf } from '../write/event-metadata.ts';
import {
  type EncryptionOptions,
  type EncryptionParts,
  type EncryptionResult,
  encryptExisting,
  erasedWhilePlain,
} from './encryption/encrypt-existing.ts';
import type { ErasureWatch } from './erasure-watch.ts';
import type { Erasure } from './erasures.ts';
import { type PersonalDataParts, personalDataOf } from './export/personal-data.ts';
import { type ExportFormat, writePersonalData } from './export/write-personal-data.ts';
import { type SubjectDetails, subjectDetails } from './known-subjects.ts';
import { parseSubject } from './subject.ts';

/** Nobody's data can be erased, because it is not encrypted. */
export class KeyringUnsetError extends Error {
  readonly code = 'KEYRING_UNSET';

  constructor(what: 'erased' | 'encrypted' = 'erased') {
    super(
      `Nothing was ${what}: events can be erased only if their personal data is encrypted. Set KEYRING_URL (see docs/privacy.md).`,
    );
    this.name = 'KeyringUnsetError';
  }
}

/** The reason of an erasure is missing or too long. */
export class ReasonRefusedError extends Error {
  readonly code = 'REASON_REFUSED';

  constructor(why: string) {
    super(`Nothing was erased: ${why} The reason stays in the log for ever, so write nothing personal into it.`);
    this.name = 'ReasonRefusedError';
  }
}

export interface SubjectsParts {
  /** Undefined if personal data is not encrypted. */
  readonly keys: Pick<SubjectKeys, 'erase' | 'forWriting' | 'forReading' | 'hashKey'> | undefined;
  readonly queue: Pick<AppendQueue, 'append'>;
  readonly watch: Pick<ErasureWatch, 'check'> | undefined;
  /** Hides an erasure in read models that are not made again yet. */
  readonly hide: ((number: number) => Promise<void>) | undefined;
  /** @returns the names of the read models that are not made again yet. */
  readonly remake: () => Promise<readonly string[]>;
  readonly reading: PersonalDataParts;
  /** With the rights of the log's owner. */
  readonly owner: EncryptionParts['owner'];
  readonly clock: Pick<EngineClock, 'now'>;
}

export interface ErasureOrder {
  /** As `person/0197…`. */
  readonly subject: string;
  /** Why, without personal data; at most 500 characters. */
  readonly reason: string;
  /** On whose order. */
  readonly actor: Actor;
  readonly correlationId?: string | undefined;
  /** Orders with the same one are recorded once. */
  readonly commandId?: string | undefined;
}

/** Maximum length of a reason, in UTF-16 units. */
const MAX_REASON = 500;
/** Time between two looks at what is not done yet, in ms. */
const POLL_MS = 200;

/** The people whom events are about, and their right to be forgotten. */
export class Subjects {
  readonly #parts: SubjectsParts;

  constructor(parts: SubjectsParts) {
    this.#parts = parts;
  }

  /**
   * Destroys the key of a subject, and records it. When this resolves, nobody can read the subject's data from the log any
   * more, and this process has forgotten it. Other instances follow within a moment. Read models show `[erased]` in its place, and are
   * made again later: see {@link settled}. May be repeated; each time is recorded.
   * @throws {SubjectMalformedError} {@link KeyringUnsetError}, {@link ReasonRefusedError}
   */
  async erase(order: ErasureOrder): Promise<Erasure> {
    const erasure = await this.destroy(order);
    await this.#parts.hide?.(erasure.number);
    return erasure;
  }

  /** As {@link erase}, but read models show `[erased]` only later: the engine hides the erasure soon. */
  async destroy({ subject: text, reason: given, actor, correlationId, commandId }: ErasureOrder): Promise<Erasure> {
    const subject = parseSubject(text);
    const reason = checkedReason(given);
    const { keys, watch } = this.#parts;
    if (!keys || !watch) throw new KeyringUnsetError();
    const erasure = await keys.erase(subject, () =>
      this.#record({ subject, reason, actor, correlationId }, commandId ?? newId()),
    );
    await watch.check();
    return erasure;
  }

  /**
   * Encrypts the personal parts of events that were stored as plain text. May be interrupted and repeated; see {@link encryptExisting}.
   * @throws {KeyringUnsetError} {@link NotChainedError}, {@link KeyringError}
   */
  async encryptExisting(options?: EncryptionOptions): Promise<EncryptionResult> {
    const { keys, reading, owner } = this.#parts;
    if (!keys) throw new KeyringUnsetError('encrypted');
    const encryption = await encryptExisting({ ...reading, owner, keys }, options);
    for (const subject of await erasedWhilePlain(owner)) {
      const reason = 'Repeated: there were events that were not encrypted.';
      await this.erase({ subject, reason, actor: SYSTEM });
    }
    return encryption;
  }

  /**
   * When the store got its keyring, if it had events before and {@link encryptExisting} has not encrypted them: those are stored as
   * plain text, which no erasure reaches.
   */
  async plainUntil(): Promise<Date | undefined> {
    const [row] = await this.#parts.owner.execute<{ since: number }>(sql`
      select date_part('epoch', k.since) * 1000 as since from es.keyring k
      where exists (select from es.events e where e.position = 1 and e.recorded_at < k.since)
        and not exists (select from es.rewrites)`);
    return row && new Date(row.since);
  }

  /** Records an erasure again, because the subject got events after it. Instances that do so at the same time record one. */
  async repeat({ subject, number }: Erasure, lastPosition: number): Promise<void> {
    const reason = `Repeated: an event of the subject was appended at the same time as erasure ${number}.`;
    const id = derivedId(`erasure of ${subject} after ${lastPosition}`, ERASURES.streamId);
    await this.#record({ subject, reason, actor: SYSTEM }, id);
  }

  async #record(
    { subject, reason, actor, correlationId }: ErasureOrder & { readonly subject: Subject },
    commandId: string,
  ): Promise<Erasure> {
    const { eventName: type, schemaVersion } = SubjectErased;
    const outcome = await this.#parts.queue.append({
      ...ERASURES,
      expectedVersion: null,
      commandId,
      fingerprint: fingerprintOf(subject),
      metadata: metadataOf({ actor, correlationId }, commandId),
      events: [{ type, schemaVersion, data: { subject, reason } }],
    });
    if (outcome.outcome !== 'accepted' && outcome.outcome !== 'replayed')
      throw new Error(`The erasure of ${subject} was not recorded: ${outcome.outcome}.`);
    return { number: outcome.version, position: outcome.position, subject };
  }

  /** What the log says of a subject, without any of their data. @throws {SubjectMalformedError} */
  show(subject: string): Promise<SubjectDetails> {
    return subjectDetails(this.#parts.reading.db, subject);
  }

  /**
   * All that the log has about a subject, as a document that is made piece by piece.
   * @throws {SubjectMalformedError} or what reading the log throws.
   */
  export(subject: string, format: ExportFormat, signal: AbortSignal): AsyncGenerator<string> {
    const { reading, clock } = this.#parts;
    const head = { subject: parseSubject(subject), exportedAt: new Date(clock.now()) };
    return writePersonalData(head, personalDataOf(reading, subject, signal), format);
  }

  /**
   * Resolves when all read models are without what was erased, whichever instance makes them again.
   * @param onProgress called with the names of those that are not done yet.
   */
  async settled(signal?: AbortSignal, onProgress: (left: readonly string[]) => void = () => {}): Promise<void> {
    for (;;) {
      const left = await this.#parts.remake();
      onProgress(left);
      if (left.length === 0) return;
      await pause(POLL_MS, signal);
      signal?.throwIfAborted();
    }
  }
}

function checkedReason(text: string): string {
  const reason = text.trim();
  if (reason === '') throw new ReasonRefusedError('say why.');
  if (reason.length > MAX_REASON) throw new ReasonRefusedError(`a reason has at most ${MAX_REASON} characters.`);
  if (!reason.isWellFormed() || reason.includes('\0'))
    throw new ReasonRefusedError('the reason cannot be stored as text.');
  return reason;
}

function fingerprintOf(subject: string): string {
  const hex = hash('sha256', `SubjectErased\n${subject}`, 'hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
