import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { prepared } from '../../../database/driver/drizzle/prepared.ts';
import { approximateBytes, PAGE_BYTES } from '../../bytes.ts';
import type { Aggregate } from '../../define/aggregate.ts';
import type { EventTypes } from '../../define/event.ts';
import type { EngineObserver } from '../../observe/occurrences.ts';
import type { KeyRef } from '../../privacy/sealed-data.ts';
import type { SubjectKeys } from '../../privacy/subject-keys.ts';
import { type SnapshotRequest, snapshotsJson } from '../sql-json.ts';
import { type SnapshotOf, sealSnapshot } from './snapshot-envelope.ts';
import type { Unusable } from './stream-loader.ts';

interface Due extends SnapshotOf {
  readonly events: EventTypes;
  readonly state: unknown;
  readonly bytes: number;
  readonly personal: readonly KeyRef[];
}

/** For a state of at most this many bytes, only the number of events decides when a snapshot is due. */
const SMALL_STATE = 16_384;
/** Bytes of events before a new snapshot, for each byte of a large snapshot. */
const EVENTS_PER_SNAPSHOT = 2;
/**
 * A large state gets a snapshot after this many times `snapshot.every` events at the latest, so that loading stays
 * fast.
 */
const LONGEST_TAIL = 10;

/** A state of which a snapshot is taken. */
interface TakenState {
  readonly version: number;
  readonly state: unknown;
  /** The keys of everybody whose personal data it may have. */
  readonly personal?: readonly KeyRef[];
}

/** The events since the newest snapshot that this instance knows of. */
export interface Tail {
  readonly events: number;
  /** Approximate bytes of the events' data. */
  readonly bytes: number;
}

/**
 * Maximum number of streams whose snapshots wait to be written. If there are more, snapshots are skipped; the next ones
 * will be taken.
 */
const MAX_WAITING = 1000;
/** Maximum size of the waiting snapshots, in bytes (approximate). */
const MAX_BYTES = 32 * 2 ** 20;
/** Size of the snapshots that one statement writes, in bytes (approximate). */
const WRITE_BYTES = PAGE_BYTES;
/**
 * A state with the personal data of more people gets no snapshot: it would be of no use as soon as one of them is erased. At most this many
 * keys are remembered of a stream.
 */
export const MAX_SNAPSHOT_KEYS = 16;
/** Minimum time between two reports of unusable snapshots, in ms. After a migration, every stream has one. */
const TELL_EVERY_MS = 60_000;

/** A snapshot is damaged. It was skipped, and is replaced. */
export class BadSnapshotError extends Error {
  readonly code = 'BAD_SNAPSHOT';

  constructor(streamType: string, streamId: string) {
    super(
      `The snapshot of ${streamType} ${streamId} is damaged, or of an earlier version. It was ignored: the state was made ` +
        'from the events, and a new snapshot is taken.',
    );
    this.name = 'BadSnapshotError';
  }
}

/**
 * Takes snapshots off the write path: the newest state of each stream that is due, many streams in one statement. A
 * snapshot only saves work, so one that cannot be written is dropped.
 */
export class Snapshots {
  readonly #save: (parameters: Record<string, unknown>) => Promise<unknown>;
  readonly #observer: EngineObserver;
  readonly #keys: SubjectKeys | undefined;
  readonly #due = new Map<string, Due>();
  #bytes = 0;
  #told = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;

  /** @param keys has the keys of personal data; undefined if there is no keyring. */
  constructor(db: Database, observer: EngineObserver, keys?: SubjectKeys) {
    this.#observer = observer;
    this.#keys = keys;
    this.#save = prepared(db, 'es_snapshot', sql`select es.save_snapshots(${sql.placeholder('snapshots')}::jsonb)`);
  }

  /**
   * Takes a snapshot if one is due. A small state gets one after `snapshot.every` events. A large state gets one when
   * the data of the events since the last one is twice as large, or there are ten times as many events. So snapshots
   * take less space than events, and the number of events that have to be read is bounded.
   * @param tail the events since the last snapshot.
   * @param of.bytes approximate bytes of the state, if known.
   * @param of.personal the keys of everybody whose personal data it may have.
   * @returns true if a snapshot is taken, so that the tail begins again.
   */
  consider(
    aggregate: Aggregate,
    streamId: string,
    tail: Tail,
    version: number,
    state: unknown,
    { bytes, personal = [] }: { readonly bytes?: number | undefined; readonly personal?: readonly KeyRef[] } = {},
  ): boolean {
    const { every } = aggregate.snapshot;
    if (every <= 0 || tail.events < every) return false;
    if (tail.events < LONGEST_TAIL * every) {
      const size = bytes ?? approximateBytes(state);
      if (size > SMALL_STATE && tail.bytes < EVENTS_PER_SNAPSHOT * size) return false;
    }
    return this.#take(aggregate, streamId, version, state, personal);
  }

  /**
   * Replaces a snapshot that was ignored. One that did not match its hash is reported: it was damaged, or is from a
   * version without hashes. One of newer code stays, because both would replace it in turn during a deployment.
   */
  replace(
    aggregate: Aggregate,
    streamId: string,
    { version, state, personal = [] }: TakenState,
    ignored: Unusable,
  ): void {
    if (ignored === 'of newer code') return;
    this.#take(aggregate, streamId, version, state, personal);
    if (ignored !== 'damaged') return;
    const now = performance.now();
    if (now - this.#told < TELL_EVERY_MS) return;
    this.#told = now;
    this.#observer.tell('faultMet', {
      error: new BadSnapshotError(aggregate.name, streamId),
      context: { part: 'snapshots' },
    });
  }

  #take(aggregate: Aggregate, streamId: string, version: number, state: unknown, personal: readonly KeyRef[]): boolean {
    if (personal.length > MAX_SNAPSHOT_KEYS) return false;
    const key = `${aggregate.name}/${streamId}`;
    if (this.#due.size >= MAX_WAITING && !this.#due.has(key)) return false;
    const { name, events } = aggregate;
    const { stateVersion } = aggregate.snapshot;
    const bytes = approximateBytes(state);
    const others = this.#bytes - (this.#due.get(key)?.bytes ?? 0);
    if (others > 0 && others + bytes > MAX_BYTES) return false;
    this.#bytes = others + bytes;
    this.#due.set(key, { streamType: name, streamId, version, stateVersion, events, state, bytes, personal });
    this.#running ??= this.#write();
    return true;
  }

  /** The snapshots of the next statement. */
  #takeDue(): Due[] {
    const taken: Due[] = [];
    let size = 0;
    for (const [key, due] of this.#due) {
      if (taken.length > 0 && size + due.bytes > WRITE_BYTES) break;
      taken.push(due);
      size += due.bytes;
      this.#bytes -= due.bytes;
      this.#due.delete(key);
    }
    return taken;
  }

  /** Drops the snapshots that are not written yet. */
  forget(): void {
    this.#due.clear();
    this.#bytes = 0;
  }

  /** Resolves when all due snapshots are written. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #write(): Promise<void> {
    // Snapshots that become due in this turn of the event loop are written together.
    await Promise.resolve();
    while (this.#due.size > 0) {
      const due = this.#takeDue();
      try {
        const sealed = await this.#seal(due);
        if (sealed.length > 0) await this.#save({ snapshots: snapshotsJson(sealed) });
      } catch (error) {
        this.#observer.tell('faultMet', { error, context: { part: 'snapshots' } });
      }
    }
    this.#running = undefined;
  }

  /** Those that have personal data are encrypted; those that have what was erased meanwhile are left out. */
  async #seal(due: readonly Due[]): Promise<SnapshotRequest[]> {
    const refs = due.flatMap(({ personal }) => personal);
    const keys = await this.#keys?.forReading(refs);
    return due.flatMap((of) => {
      const personal = keys && of.personal.length > 0 ? { refs: of.personal, keys } : undefined;
      const sealed = sealSnapshot(of, of.events, of.state, personal);
      return sealed ? [{ ...of, sealed }] : [];
    });
  }
}
