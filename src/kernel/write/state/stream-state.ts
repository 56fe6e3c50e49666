import { approximateBytes, dataBytesOf } from '../../bytes.ts';
import type { Aggregate } from '../../define/aggregate.ts';
import type { AppendOutcome } from '../../log/append/append.ts';
import type { Tail } from '../../log/streams/snapshots.ts';
import type { StreamTail } from '../../log/streams/stream-loader.ts';

/** A version of a stream, and the state that its events make. */
export interface StateAt {
  readonly version: number;
  readonly state: unknown;
}

type Happened = { readonly type: string; readonly data: unknown };

/** A state may grow by so much before it is measured again, in bytes. */
const SMALL = 4096;
/** Bytes of a state besides what its author put into it. */
const ENVELOPE = 1024;
const NO_TAIL: Tail = { events: 0, bytes: 0 };

/**
 * A stream's state in memory. It runs ahead of the log while appends that were decided on it are on their way: commands
 * for one stream that arrive together are decided one after the other here and appended as one batch.
 */
export class StreamState {
  readonly aggregate: Aggregate;
  readonly streamId: string;
  /** With what is on its way. */
  #newest: StateAt;
  #committed: StateAt;
  /** The newest version that was read from the log. What comes after it are this instance's own appends. */
  #readUpTo = 0;
  /** Resolves when the newest append on its way is settled; undefined if none is on its way. */
  #pending: Promise<unknown> | undefined;
  #isDiscarded = false;
  #tail = NO_TAIL;
  /** Bytes when it was measured last, about, and bytes that may have been added since. */
  #measured = 0;
  #unmeasured = 0;

  /** A stream that nobody has appended to yet, as far as this instance knows. */
  constructor(aggregate: Aggregate, streamId: string) {
    this.aggregate = aggregate;
    this.streamId = streamId;
    this.#newest = { version: 0, state: aggregate.initialState() };
    this.#committed = this.#newest;
  }

  get version(): number {
    return this.#newest.version;
  }

  get state(): unknown {
    return this.#newest.state;
  }

  /** The state without what is on its way. */
  get committed(): StateAt {
    return this.#committed;
  }

  /** An append that it ran ahead of was refused. It never was true, and is not used any more. */
  get isDiscarded(): boolean {
    return this.#isDiscarded;
  }

  /** What its stream has had since the newest snapshot that this instance knows of. */
  get tail(): Tail {
    return this.#tail;
  }

  /** Bytes in memory when it was measured last, about; undefined before that. */
  get bytes(): number | undefined {
    return this.#measured || undefined;
  }

  /** What events would make of it. Changes nothing. */
  after(events: readonly Happened[]): StateAt {
    const state = events.reduce((before, event) => this.aggregate.evolve(before, event), this.state);
    return { version: this.version + events.length, state };
  }

  /**
   * Is the state after an append that is on its way, for all that is decided from now on.
   * @returns the append's outcome, once this state is settled by it.
   */
  runAhead(next: StateAt, append: Promise<AppendOutcome>): Promise<AppendOutcome> {
    this.#newest = next;
    const settled = append.then(
      (outcome) => {
        this.#settle(next, outcome, settled);
        return outcome;
      },
      (error) => {
        this.discard();
        throw error;
      },
    );
    this.#pending = settled;
    return settled;
  }

  #settle(next: StateAt, { outcome }: AppendOutcome, settled: Promise<unknown>): void {
    if (outcome !== 'accepted') {
      this.discard();
      return;
    }
    this.#committed = next;
    if (this.#pending === settled) this.#pending = undefined;
  }

  /** The append that this state builds on was refused. A command that holds the state sees that it is discarded. */
  discard(): void {
    this.#isDiscarded = true;
  }

  /** Resolves when what is on its way by now is settled, whatever becomes of it. */
  async settled(): Promise<void> {
    await this.#pending?.catch(() => undefined);
  }

  /** Resolves when a version is committed, or nothing is on its way any more that could commit it. */
  async settledUpTo(version: number): Promise<void> {
    while (this.#pending && !this.#isDiscarded && this.#committed.version < version) await this.settled();
  }

  /** Brings it up to date with what the log has after its version. Nothing may be on its way. */
  catchUp(read: StreamTail): void {
    this.#committed = stateAfter(this.aggregate, this.#newest, read);
    this.#newest = this.#committed;
    this.#readUpTo = this.#committed.version;
    if (read.snapshot || read.hasBadSnapshot) this.#tail = NO_TAIL;
  }

  /**
   * True if it was the stream's true state at `version` when the log was read.
   * @param newest the stream's newest version that the log had.
   */
  wasTrueAt(version: number, newest: number): boolean {
    if (this.#isDiscarded || newest > this.#committed.version) return false;
    // Nothing came after it, or only what this instance appended on top of it after the log was read.
    return newest === version || this.#readUpTo <= version;
  }

  /** Counts committed events that a snapshot would save reading. @param bytes of the events, about, if that is known. */
  grew(events: readonly { readonly data: unknown }[], bytes?: number): void {
    const { events: count, bytes: size } = this.#tail;
    this.#tail = { events: count + events.length, bytes: size + dataBytesOf(events, bytes) };
  }

  /** A snapshot is taken: the tail begins again. */
  snapshotTaken(): void {
    this.#tail = NO_TAIL;
  }

  /**
   * Counts bytes by which it may have grown.
   * @returns true if that is as much as it had. So a state to which little is added is not measured each time.
   */
  outgrew(bytes: number): boolean {
    this.#unmeasured += bytes;
    return this.#unmeasured >= Math.max(SMALL, this.#measured);
  }

  /** Measures it. @returns its bytes in memory, about. */
  measure(): number {
    this.#measured = ENVELOPE + approximateBytes(this.state);
    this.#unmeasured = 0;
    return this.#measured;
  }
}

/** The state after what was read of a stream. @param before used if there is no snapshot. */
export function stateAfter(aggregate: Aggregate, before: StateAt, { snapshot, events }: StreamTail): StateAt {
  let { state, version } = snapshot ?? before;
  for (const event of events) {
    state = aggregate.evolve(state, event);
    version = event.version;
  }
  return { version, state };
}
