import DataLoader from 'dataloader';
import { LRUCache } from 'lru-cache';
import type { Aggregate } from '../../define/aggregate.ts';
import type { Append, AppendOutcome } from '../../log/append/append.ts';
import type { AppendQueue } from '../../log/append/append-queue.ts';
import type { Snapshots } from '../../log/streams/snapshots.ts';
import type { StreamLoader, StreamRequest, StreamTail } from '../../log/streams/stream-loader.ts';
import { defaultCacheBytes } from './cache-bytes.ts';
import { type Grown, type StateAt, StreamState, stateAfter } from './stream-state.ts';

/**
 * The states of recently used streams. A state may be stale, because another instance may have appended meanwhile. That does no
 * harm: the append checks the version, and answers that append nothing are checked with {@link confirm}.
 */
export class StreamStates {
  readonly #cache: LRUCache<string, StreamState>;
  readonly #log: Pick<StreamLoader, 'load' | 'loadAt'>;
  readonly #snapshots: Pick<Snapshots, 'consider' | 'replace'> | undefined;
  readonly #loader: DataLoader<StreamRequest, StreamTail>;
  /**
   * Streams that are being read because they were not in memory, so that commands that arrive together read a long one
   * only once.
   */
  readonly #reading = new Map<string, Promise<StreamState>>();
  /** States from before the last {@link forget} are not kept any more, also if a command still works with them. */
  #era: object = {};

  /**
   * @param size number of streams kept in memory.
   * @param snapshots told which events had to be read.
   * @param bytes approximate bytes of the states in memory; default: {@link defaultCacheBytes}.
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

  /** Approximate bytes of the states in memory. */
  get bytes(): number {
    return this.#cache.calculatedSize;
  }

  /**
   * Forgets all states. Commands that work with one finish, but it is not kept: the next command reads the log.
   */
  forget(): void {
    this.#era = {};
    this.#cache.clear();
    this.#reading.clear();
  }

  /** The state in memory, else that of the log. */
  async get(aggregate: Aggregate, streamId: string): Promise<StreamState> {
    const present = this.#peek(aggregate, streamId);
    if (present) return present;
    const key = keyOf(aggregate, streamId);
    let reading = this.#reading.get(key);
    if (!reading) {
      const begun = this.refresh(aggregate, streamId).finally(() => {
        if (this.#reading.get(key) === begun) this.#reading.delete(key);
      });
      reading = begun;
      this.#reading.set(key, reading);
    }
    return reading;
  }

  /**
   * The state of a stream whose id was made here, so that nobody can have appended to it. It is put into memory with
   * its first append.
   */
  getNew(aggregate: Aggregate, streamId: string): StreamState {
    return new StreamState(aggregate, streamId, this.#era);
  }

  /**
   * The state for a command that begins a stream: the one in memory, else an empty one. If the stream is not empty, the
   * append fails.
   */
  getToCreate(aggregate: Aggregate, streamId: string): StreamState {
    const present = this.#peek(aggregate, streamId);
    if (present) return present;
    const blank = new StreamState(aggregate, streamId, this.#era);
    this.#keep(blank);
    return blank;
  }

  /** The state; its `committed` part is at least as new as the log was when this was called. */
  async refresh(aggregate: Aggregate, streamId: string): Promise<StreamState> {
    for (;;) {
      const known = this.#peek(aggregate, streamId) ?? new StreamState(aggregate, streamId, this.#era);
      const before = known.version;
      const { tail, newest } = await this.#readTail(known, before);
      if (known.isDiscarded) continue;
      const isBehind = known.committed.version < newest;
      if (isBehind) {
        if (known.version !== before) continue;
        known.catchUp(tail);
        const { personal } = known;
        if (tail.ignored && known.era === this.#era)
          this.#snapshots?.replace(aggregate, streamId, { ...known.committed, personal }, tail.ignored);
        else this.#grew(known, tail.events);
      }
      if (known.version > 0) this.#keep(known, isBehind ? Number.POSITIVE_INFINITY : 0);
      const present = this.#peek(aggregate, streamId);
      return present && present.committed.version >= known.committed.version ? present : known;
    }
  }

  /**
   * True if the state, which is at `version` now, was the stream's true state at some moment after this call. If so, a
   * decision without events that is based on it may be answered.
   */
  async confirm(known: StreamState, version: number): Promise<boolean> {
    const { newest } = await this.#readTail(known, version);
    return known.wasTrueAt(version, newest);
  }

  /**
   * The state at a version that the stream has had. If the version is in flight, waits until it is committed.
   * @returns undefined if the stream never had that version, or if an append that the state builds on was refused.
   */
  async at(known: StreamState, version: number): Promise<unknown> {
    if (version < 1 || version > known.version) return undefined;
    if (version === known.version) return known.state;
    await known.settledUpTo(version);
    if (known.isDiscarded) return undefined;
    const { aggregate, streamId } = known;
    const { name: streamType, events, snapshot } = aggregate;
    const { stateVersion } = snapshot;
    const tail = await this.#log.loadAt({ streamType, streamId, version, stateVersion, events });
    return stateAfter(aggregate, { version: 0, state: aggregate.initialState() }, tail).state;
  }

  /**
   * Sends an append that was decided on a state. Decisions meanwhile are based on the state after it. If the append is
   * refused, that state is discarded, and the appends that were decided on it are refused too.
   *
   * @param next the state after the append.
   * @returns the append's outcome.
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
   * Reads what the log has after a version, and waits for the appends in flight that the result may depend on. Their
   * success alone does not show the stream's present state: the log may have accepted them before this call, and
   * another instance's appends after them.
   */
  async #readTail(known: StreamState, afterVersion: number): Promise<{ tail: StreamTail; newest: number }> {
    const { aggregate, streamId } = known;
    const { name: streamType, events, snapshot } = aggregate;
    const { stateVersion } = snapshot;
    const [tail] = await Promise.all([
      this.#loader.load({ streamType, streamId, afterVersion, stateVersion, events }),
      known.settled(),
    ]);
    const newest = tail.events.at(-1)?.version ?? tail.snapshot?.version ?? afterVersion;
    await known.settledUpTo(newest);
    return { tail, newest };
  }

  /**
   * Counts committed events, and has a snapshot taken if there are enough. This includes streams that were imported,
   * and streams whose snapshot was dropped or has an outdated shape.
   */
  #grew(known: StreamState, events: readonly Grown[], bytes?: number): void {
    // Its state may contain what was erased since.
    if (known.era !== this.#era) return;
    known.grew(events, bytes);
    const { aggregate, streamId, committed, tail } = known;
    const { version, state } = committed;
    const of = { bytes: known.bytes, personal: known.personal };
    if (this.#snapshots?.consider(aggregate, streamId, tail, version, state, of)) known.snapshotTaken();
  }

  /** The state in memory, stale or not. */
  #peek(aggregate: Aggregate, streamId: string): StreamState | undefined {
    const key = keyOf(aggregate, streamId);
    const present = this.#cache.get(key);
    if (!present?.isDiscarded) return present;
    this.#cache.delete(key);
    return undefined;
  }

  /**
   * Puts a state into memory, unless one of the same stream that is as new is there.
   * @param grown bytes by which it may have grown since it was kept last.
   */
  #keep(state: StreamState, grown = 0): void {
    if (state.era !== this.#era) return;
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

function keyOf(aggregate: Aggregate, streamId: string): string {
  return `${aggregate.name}/${streamId}`;
}
