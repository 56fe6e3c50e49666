import DataLoader from 'dataloader';
import { LRUCache } from 'lru-cache';
import type { Aggregate } from '../define/aggregate.ts';
import type { AppendOutcome } from './append.ts';
import type { EventLog, StreamTail } from './event-log.ts';

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
  /** The newest append on its way; undefined where all are settled. */
  tail: Promise<AppendOutcome> | undefined;
  /** An append that it ran ahead of was refused: it never was true. */
  broken: boolean;
}

/**
 * The states of recently used streams. Always validated by the append's version check: a state may be stale, another
 * instance may have appended meanwhile, but nothing wrong can come of it as long as answers that append nothing are checked
 * with {@link refresh}.
 */
export class StreamStates {
  readonly #cache: LRUCache<string, StreamState>;
  readonly #loader: DataLoader<StreamState, StreamTail>;

  /** @param size streams kept in memory. */
  constructor(log: EventLog, size: number) {
    this.#cache = new LRUCache({ max: Math.max(1, size) });
    this.#loader = new DataLoader(
      (states) =>
        log.load(
          states.map(({ aggregate, streamId, version }) => ({
            streamType: aggregate.name,
            streamId,
            afterVersion: version,
            stateVersion: aggregate.snapshot.stateVersion,
          })),
        ),
      { cache: false, maxBatchSize: 500 },
    );
  }

  /** A stream that nobody has appended to yet, as far as this instance knows. */
  blank(aggregate: Aggregate, streamId: string): StreamState {
    const state = aggregate.initialState();
    return { aggregate, streamId, version: 0, state, committed: { version: 0, state }, tail: undefined, broken: false };
  }

  /** What is in memory, stale or not. */
  peek(aggregate: Aggregate, streamId: string): StreamState | undefined {
    return this.#cache.get(keyOf(aggregate, streamId));
  }

  /** What is in memory, else what the log says. */
  async get(aggregate: Aggregate, streamId: string): Promise<StreamState> {
    return this.peek(aggregate, streamId) ?? (await this.refresh(aggregate, streamId));
  }

  /** The state, its `committed` part as new as the log was after this call was made. */
  async refresh(aggregate: Aggregate, streamId: string): Promise<StreamState> {
    for (;;) {
      const known = this.peek(aggregate, streamId) ?? this.blank(aggregate, streamId);
      if (known.tail) {
        // The log takes an append only where it finds the version that we believe in: its success is as good as a look.
        await known.tail.catch(() => undefined);
        if (!known.broken) return known;
        continue;
      }
      const before = known.version;
      const tail = await this.#loader.load(known);
      if (known.broken || known.tail) continue;
      if (known.version === before) applyTail(known, tail);
      if (known.version > 0) this.keep(known);
      return this.peek(aggregate, streamId) ?? known;
    }
  }

  /**
   * True where the state at `version` was the stream's true state at some moment after this call: then what was decided on
   * it without appending may be answered.
   */
  async confirm(known: StreamState, version: number): Promise<boolean> {
    if (known.tail) {
      await known.tail.catch(() => undefined);
      return !known.broken;
    }
    const now = await this.refresh(known.aggregate, known.streamId);
    return now.committed.version === version;
  }

  /** Puts it into memory, unless a state of the same stream that is as new is there. */
  keep(state: StreamState): void {
    const key = keyOf(state.aggregate, state.streamId);
    const present = this.#cache.get(key);
    if (!present || present.version < state.version) this.#cache.set(key, state);
  }

  /** An append that it ran ahead of was refused: forget it, and whoever holds it sees that it is broken. */
  breakOff(state: StreamState): void {
    state.broken = true;
    const key = keyOf(state.aggregate, state.streamId);
    if (this.#cache.peek(key) === state) this.#cache.delete(key);
  }
}

function applyTail(known: StreamState, tail: StreamTail): void {
  if (tail.snapshot) {
    known.state = tail.snapshot.state;
    known.version = tail.snapshot.version;
  }
  for (const event of tail.events) {
    known.state = known.aggregate.evolve(known.state, event);
    known.version = event.version;
  }
  known.committed = { version: known.version, state: known.state };
}

function keyOf(aggregate: Aggregate, streamId: string): string {
  return `${aggregate.name}/${streamId}`;
}
