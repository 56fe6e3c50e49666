import { getHeapStatistics } from 'node:v8';
import DataLoader from 'dataloader';
import { LRUCache } from 'lru-cache';
import type { Aggregate } from '../../define/aggregate.ts';
import type { Append, AppendOutcome } from '../../log/append/append.ts';
import type { AppendQueue } from '../../log/append/append-queue.ts';
import type { Snapshots } from '../../log/streams/snapshots.ts';
import type { StreamLoader, StreamRequest, StreamTail } from '../../log/streams/stream-loader.ts';
import { type StateAt, StreamState, stateAfter } from './stream-state.ts';

/**
 * The states of recently used streams. A state may be stale, because another instance may have appended meanwhile. That does no
 * harm: the append checks the version, and answers that append nothing are checked with {@link confirm}.
 */
export class StreamStates {
  readonly #cache: LRUCache<string, StreamState>;
  readonly #log: Pick<StreamLoader, 'load' | 'loadAt'>;
  readonly #snapshots: Pick<Snapshots, 'consider' | 'replace'> | undefined;
  readonly #loader: DataLoader<StreamRequest, StreamTail>;
  /** Streams that are being read because they were not in memory: commands that arrive together read a long one once. */
  readonly #reading = new Map<string, Promise<StreamState>>();

  /**
   * @param size streams kept in memory.
   * @param snapshots told of what had to be read.
   * @param bytes of the states in memory, about; unless given {@link defaultCacheBytes}.
   */
  constructor(
    log: Pick<StreamLoader, 'load' | 'loadAt'>,
    size: number,
    snapshots?: Pick<Snapshots, 'consider' | 'replace'>,
    bytes = defaultCacheBytes(),
  ) {
    this.#log = log;
    this.#snapshots = snapshots;
    this.#cache = new LRUCache({
      max: Math.max(1, size),
      maxSize: Math.max(1, bytes),
      sizeCalculation: (state) => state.measure(),
    });
    this.#loader = new DataLoader((requests) => log.load(requests), { cache: false, maxBatchSize: 500 });
  }

  /** Bytes of the states in memory, about. */
  get bytes(): number {
    return this.#cache.calculatedSize;
  }

  /** What is in memory, else what the log says. */
  async get(aggregate: Aggregate, streamId: string): Promise<StreamState> {
    const present = this.#peek(aggregate, streamId);
    if (present) return present;
    const key = keyOf(aggregate, streamId);
    let reading = this.#reading.get(key);
    if (!reading) {
      reading = this.refresh(aggregate, streamId).finally(() => this.#reading.delete(key));
      this.#reading.set(key, reading);
    }
    return reading;
  }

  /** A stream whose id was made here: nobody can have appended to it. It is put into memory with its first append. */
  getNew(aggregate: Aggregate, streamId: string): StreamState {
    return new StreamState(aggregate, streamId);
  }

  /** For a command that begins a stream: what is in memory, else an empty stream. The append fails if it is not empty. */
  getToCreate(aggregate: Aggregate, streamId: string): StreamState {
    const present = this.#peek(aggregate, streamId);
    if (present) return present;
    const blank = new StreamState(aggregate, streamId);
    this.#keep(blank);
    return blank;
  }

  /** The state, its `committed` part as new as the log was after this call was made. */
  async refresh(aggregate: Aggregate, streamId: string): Promise<StreamState> {
    for (;;) {
      const known = this.#peek(aggregate, streamId) ?? new StreamState(aggregate, streamId);
      const before = known.version;
      const { tail, newest } = await this.#look(known, before);
      if (known.isDiscarded) continue;
      const isBehind = known.committed.version < newest;
      if (isBehind) {
        if (known.version !== before) continue;
        known.catchUp(tail);
        const { version, state } = known.committed;
        if (tail.hasBadSnapshot) this.#snapshots?.replace(aggregate, streamId, version, state);
        else this.#grew(known, tail.events);
      }
      if (known.version > 0) this.#keep(known, isBehind ? Number.POSITIVE_INFINITY : 0);
      const present = this.#peek(aggregate, streamId);
      return present && present.committed.version >= known.committed.version ? present : known;
    }
  }

  /**
   * True if the state, which is at `version` now, was the stream's true state at some moment after this call: then what
   * was decided on it without appending may be answered.
   */
  async confirm(known: StreamState, version: number): Promise<boolean> {
    const { newest } = await this.#look(known, version);
    return known.wasTrueAt(version, newest);
  }

  /**
   * The state as it was at a version that the stream has had. If the version is on its way, the answer waits until it is
   * committed.
   * @returns undefined if the stream never had that version, or what the state ran ahead of was refused.
   */
  async at(known: StreamState, version: number): Promise<unknown> {
    if (version < 1 || version > known.version) return undefined;
    if (version === known.version) return known.state;
    await known.settledUpTo(version);
    if (known.isDiscarded) return undefined;
    const { aggregate, streamId } = known;
    const { stateVersion } = aggregate.snapshot;
    const tail = await this.#log.loadAt({ streamType: aggregate.name, streamId, version, stateVersion });
    return stateAfter(aggregate, { version: 0, state: aggregate.initialState() }, tail).state;
  }

  /**
   * Sends an append that was decided on a state. What is decided meanwhile is decided on the state after it; if it is refused,
   * that state is discarded, and the appends that were decided on it are refused too.
   *
   * @param next the state after it.
   * @returns its outcome.
   * @throws as the queue does.
   */
  async append(
    known: StreamState,
    append: Append,
    next: StateAt,
    queue: Pick<AppendQueue, 'append'>,
  ): Promise<AppendOutcome> {
    const sent = queue.append(append, () => !known.isDiscarded);
    const settled = known.runAhead(next, sent);
    this.#keep(known, append.bytes);
    const outcome = await settled;
    if (outcome.outcome === 'accepted') this.#grew(known, append.events, append.bytes);
    return outcome;
  }

  /**
   * Reads what the log has after a version, and waits for the appends on their way that this may depend on. Their success
   * alone would not tell how the stream is now: the log may have taken them before this call, and another instance's after
   * them.
   */
  async #look(known: StreamState, afterVersion: number): Promise<{ tail: StreamTail; newest: number }> {
    const { aggregate, streamId } = known;
    const { stateVersion } = aggregate.snapshot;
    const [tail] = await Promise.all([
      this.#loader.load({ streamType: aggregate.name, streamId, afterVersion, stateVersion }),
      known.settled(),
    ]);
    const newest = tail.events.at(-1)?.version ?? tail.snapshot?.version ?? afterVersion;
    await known.settledUpTo(newest);
    return { tail, newest };
  }

  /**
   * Counts committed events, and has a snapshot taken if there are enough: also of a stream that was imported, or whose snapshot
   * was let go or is of another shape.
   */
  #grew(known: StreamState, events: readonly { readonly data: unknown }[], bytes?: number): void {
    known.grew(events, bytes);
    const { aggregate, streamId, committed, tail } = known;
    const { version, state } = committed;
    if (this.#snapshots?.consider(aggregate, streamId, tail, version, state, known.bytes)) known.snapshotTaken();
  }

  /** What is in memory, stale or not. */
  #peek(aggregate: Aggregate, streamId: string): StreamState | undefined {
    const key = keyOf(aggregate, streamId);
    const present = this.#cache.get(key);
    if (!present?.isDiscarded) return present;
    this.#cache.delete(key);
    return undefined;
  }

  /**
   * Puts it into memory, unless a state of the same stream that is as new is there.
   * @param grown bytes by which it may have grown since it was kept last.
   */
  #keep(state: StreamState, grown = 0): void {
    const key = keyOf(state.aggregate, state.streamId);
    const present = this.#peek(state.aggregate, state.streamId);
    const isOutgrown = state.outgrew(grown);
    if (present === state) {
      if (!isOutgrown) return;
      this.#cache.delete(key);
      this.#cache.set(key, state);
    } else if (!present || present.version < state.version) {
      this.#cache.set(key, state);
    }
  }
}

/** An eighth of the heap that Node may take, at most 256 MB. */
export function defaultCacheBytes(): number {
  return Math.min(256 * 2 ** 20, Math.floor(getHeapStatistics().heap_size_limit / 8));
}

function keyOf(aggregate: Aggregate, streamId: string): string {
  return `${aggregate.name}/${streamId}`;
}
