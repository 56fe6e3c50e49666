import { getHeapStatistics } from 'node:v8';
import DataLoader from 'dataloader';
import { LRUCache } from 'lru-cache';
import { approximateBytes, dataBytesOf } from '../bytes.ts';
import type { Aggregate } from '../define/aggregate.ts';
import type { AppendOutcome } from '../log/append/append.ts';
import type { Snapshots, Tail } from '../log/streams/snapshots.ts';
import type { StreamLoader, StreamRequest, StreamTail } from '../log/streams/stream-loader.ts';

/**
 * A stream's state in memory. It runs ahead of the log while appends that were decided on it are on their way: commands
 * for one stream that arrive together are decided one after the other here and appended as one batch.
 */
export interface StreamState {
  readonly aggregate: Aggregate;
  readonly streamId: string;
  version: number;
  state: unknown;
  /** The state without what is on its way. */
  committed: { readonly version: number; readonly state: unknown };
  /** The newest version that was read from the log; what comes after it are this instance's own appends. */
  loaded: number;
  /** The newest append on its way; undefined where all are settled. */
  tail: Promise<AppendOutcome> | undefined;
  /** An append that it ran ahead of was refused: it never was true. */
  broken: boolean;
  /** What the stream has had since the newest snapshot that this instance knows of. */
  unsaved: Tail;
  /** What the state took in memory when it was measured last, about, and what may have been added since, in bytes. */
  measured: number;
  unmeasured: number;
}

/**
 * The states of recently used streams. Always validated by the append's version check: a state may be stale, another
 * instance may have appended meanwhile, but nothing wrong can come of it as long as answers that append nothing are checked
 * with {@link refresh}.
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
    this.#cache = new LRUCache({ max: Math.max(1, size), maxSize: Math.max(1, bytes), sizeCalculation: measure });
    this.#loader = new DataLoader((requests) => log.load(requests), { cache: false, maxBatchSize: 500 });
  }

  /** A stream that nobody has appended to yet, as far as this instance knows. */
  blank(aggregate: Aggregate, streamId: string): StreamState {
    const state = aggregate.initialState();
    const committed = { version: 0, state };
    return {
      aggregate,
      streamId,
      version: 0,
      state,
      committed,
      loaded: 0,
      tail: undefined,
      broken: false,
      unsaved: NO_TAIL,
      ...UNMEASURED,
    };
  }

  /** What is in memory, stale or not. */
  peek(aggregate: Aggregate, streamId: string): StreamState | undefined {
    return this.#cache.get(keyOf(aggregate, streamId));
  }

  /** What is in memory, else what the log says. */
  async get(aggregate: Aggregate, streamId: string): Promise<StreamState> {
    const present = this.peek(aggregate, streamId);
    if (present) return present;
    const key = keyOf(aggregate, streamId);
    let reading = this.#reading.get(key);
    if (!reading) {
      reading = this.refresh(aggregate, streamId).finally(() => this.#reading.delete(key));
      this.#reading.set(key, reading);
    }
    return reading;
  }

  /** The state, its `committed` part as new as the log was after this call was made. */
  async refresh(aggregate: Aggregate, streamId: string): Promise<StreamState> {
    for (;;) {
      const known = this.peek(aggregate, streamId) ?? this.blank(aggregate, streamId);
      const before = known.version;
      const { tail, newest } = await this.#look(known, before);
      if (known.broken) continue;
      const isBehind = known.committed.version < newest;
      if (isBehind) {
        if (known.version !== before) continue;
        applyTail(known, tail);
        const { version, state } = known.committed;
        if (tail.snapshot || tail.hasBadSnapshot) known.unsaved = NO_TAIL;
        if (tail.hasBadSnapshot) this.#snapshots?.replace(aggregate, streamId, version, state);
        else this.grew(known, tail.events);
      }
      if (known.version > 0) this.keep(known, isBehind ? Number.POSITIVE_INFINITY : 0);
      const present = this.peek(aggregate, streamId);
      return present && present.committed.version >= known.committed.version ? present : known;
    }
  }

  /**
   * True where the state, which is at `version` now, was the stream's true state at some moment after this call: then what
   * was decided on it without appending may be answered.
   */
  async confirm(known: StreamState, version: number): Promise<boolean> {
    const { newest } = await this.#look(known, version);
    if (known.broken || newest > known.committed.version) return false;
    // What came after it was appended on top of it, by this instance and after this call; or nothing came.
    return newest === version || known.loaded <= version;
  }

  /**
   * The state as it was at a version that it has had: what is past stays as it is. What it was at a version on its way is
   * told when that is committed.
   * @returns undefined where it never had that version, or what it ran ahead of was refused.
   */
  async at(known: StreamState, version: number): Promise<unknown> {
    if (version < 1 || version > known.version) return undefined;
    if (version === known.version) return known.state;
    while (known.tail && !known.broken && known.committed.version < version) await settled(known.tail);
    if (known.broken) return undefined;
    const { aggregate, streamId } = known;
    const { stateVersion } = aggregate.snapshot;
    const tail = await this.#log.loadAt({ streamType: aggregate.name, streamId, version, stateVersion });
    return stateAfter(this.blank(aggregate, streamId), tail).state;
  }

  /**
   * Looks what the log has after a version, and waits for the appends on their way that this may depend on. Their success
   * alone would not tell how the stream is now: the log may have taken them before this call, and another instance's after
   * them.
   */
  async #look(known: StreamState, afterVersion: number): Promise<{ tail: StreamTail; newest: number }> {
    const { aggregate, streamId } = known;
    const { stateVersion } = aggregate.snapshot;
    const [tail] = await Promise.all([
      this.#loader.load({ streamType: aggregate.name, streamId, afterVersion, stateVersion }),
      settled(known.tail),
    ]);
    const newest = tail.events.at(-1)?.version ?? tail.snapshot?.version ?? afterVersion;
    while (known.tail && !known.broken && known.committed.version < newest) await settled(known.tail);
    return { tail, newest };
  }

  /**
   * Adds committed events to what a snapshot of the stream would save reading, and has one taken if that is enough: also of a
   * stream that was imported, or whose snapshot was let go or is of another shape.
   * @param bytes of the events, about, if that is known.
   */
  grew(known: StreamState, events: readonly { readonly data: unknown }[], bytes?: number): void {
    const { aggregate, streamId, committed, measured, unsaved: before } = known;
    const tail = { events: before.events + events.length, bytes: before.bytes + dataBytesOf(events, bytes) };
    const { version, state } = committed;
    const isTaken = this.#snapshots?.consider(aggregate, streamId, tail, version, state, measured || undefined);
    known.unsaved = isTaken ? NO_TAIL : tail;
  }

  /** Bytes of the states in memory, about. */
  get bytes(): number {
    return this.#cache.calculatedSize;
  }

  /**
   * Puts it into memory, unless a state of the same stream that is as new is there.
   * @param grown bytes by which it may have grown since it was kept last. It is measured again only if that is as much as it
   *   was: a state to which little is added is not looked through each time.
   */
  keep(state: StreamState, grown = 0): void {
    const key = keyOf(state.aggregate, state.streamId);
    const present = this.#cache.get(key);
    state.unmeasured += grown;
    if (present === state) {
      if (state.unmeasured < Math.max(SMALL, state.measured)) return;
      this.#cache.delete(key);
      this.#cache.set(key, state);
    } else if (!present || present.version < state.version) {
      this.#cache.set(key, state);
    }
  }

  /** An append that it ran ahead of was refused: forget it, and whoever holds it sees that it is broken. */
  breakOff(state: StreamState): void {
    state.broken = true;
    const key = keyOf(state.aggregate, state.streamId);
    if (this.#cache.peek(key) === state) this.#cache.delete(key);
  }
}

/** An eighth of the heap that Node may take, at most 256 MB. */
export function defaultCacheBytes(): number {
  return Math.min(256 * 2 ** 20, Math.floor(getHeapStatistics().heap_size_limit / 8));
}

const NO_TAIL: Tail = { events: 0, bytes: 0 };
const UNMEASURED = { measured: 0, unmeasured: 0 };
/** What is added to a state may be this much before it is measured again, in bytes. */
const SMALL = 4096;
/** Bytes of a state besides what its author put into it. */
const ENVELOPE = 1024;

function measure(state: StreamState): number {
  state.measured = ENVELOPE + approximateBytes(state.state);
  state.unmeasured = 0;
  return state.measured;
}

function applyTail(known: StreamState, tail: StreamTail): void {
  const committed = stateAfter(known, tail);
  Object.assign(known, { ...committed, committed, loaded: committed.version });
}

function stateAfter(known: StreamState, { snapshot, events }: StreamTail): StreamState['committed'] {
  let { state, version } = snapshot ?? known;
  for (const event of events) {
    state = known.aggregate.evolve(state, event);
    version = event.version;
  }
  return { version, state };
}

async function settled(append: Promise<AppendOutcome> | undefined): Promise<void> {
  await append?.catch(() => undefined);
}

function keyOf(aggregate: Aggregate, streamId: string): string {
  return `${aggregate.name}/${streamId}`;
}
