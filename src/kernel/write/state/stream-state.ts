import { approximateBytes, dataBytesOf } from '../../bytes.ts';
import type { Aggregate } from '../../define/aggregate.ts';
import type { Subject } from '../../define/personal/subject.ts';
import type { AppendEvent, AppendOutcome } from '../../log/append/append.ts';
import { MAX_SNAPSHOT_KEYS, type Tail } from '../../log/streams/snapshots.ts';
import type { StreamTail } from '../../log/streams/stream-loader.ts';
import type { KeyRef } from '../../privacy/sealed-data.ts';

/** A version of a stream, and the state that results from its events. */
export interface StateAt {
  readonly version: number;
  readonly state: unknown;
}

/** A committed event. */
export type Grown = Pick<AppendEvent, 'data' | 'seal'>;
type Happened = { readonly type: string; readonly data: unknown };

/** A state is measured again only after it may have grown by at least this much, in bytes. */
const SMALL = 4096;
/** Bytes of a state besides the author's data. */
const ENVELOPE = 1024;
const NO_TAIL: Tail = { events: 0, bytes: 0 };

/**
 * A stream's state in memory. It runs ahead of the log while appends are in flight: commands for one stream that arrive
 * together are decided here one after the other, and appended as one batch.
 */
export class StreamState {
  readonly aggregate: Aggregate;
  readonly streamId: string;
  /** See {@link StreamStates.forget}. */
  readonly era: object | undefined;
  /** The state including appends in flight. */
  #newest: StateAt;
  #committed: StateAt;
  /** The newest version that was read from the log. Later versions are this instance's own appends. */
  #readUpTo = 0;
  /** Resolves when the newest append in flight is settled; undefined if none is in flight. */
  #pending: Promise<unknown> | undefined;
  #isDiscarded = false;
  #subject: Subject | undefined;
  #tail = NO_TAIL;
  readonly #personal = new Map<string, KeyRef>();
  /** Approximate bytes at the last measurement, and bytes that may have been added since. */
  #measured = 0;
  #unmeasured = 0;

  /** Starts as an empty stream: as far as this instance knows, nobody has appended to it yet. */
  constructor(aggregate: Aggregate, streamId: string, era?: object) {
    this.aggregate = aggregate;
    this.streamId = streamId;
    this.era = era;
    this.#newest = { version: 0, state: aggregate.initialState() };
    this.#committed = this.#newest;
  }

  get version(): number {
    return this.#newest.version;
  }

  get state(): unknown {
    return this.#newest.state;
  }

  /** The state without appends in flight. */
  get committed(): StateAt {
    return this.#committed;
  }

  /** True if an append that this state builds on was refused. The state was never true, and must not be used. */
  get isDiscarded(): boolean {
    return this.#isDiscarded;
  }

  /** The keys of everybody whose personal data the state may have, or enough of them to know that there are too many. */
  get personal(): readonly KeyRef[] {
    return [...this.#personal.values()];
  }

  /** Whom the newest events with a known subject are about. */
  get subject(): Subject | undefined {
    return this.#subject;
  }

  /** Counts the events of the stream since the newest snapshot that this instance knows of. */
  get tail(): Tail {
    return this.#tail;
  }

  /** Approximate bytes in memory at the last measurement; undefined before that. */
  get bytes(): number | undefined {
    return this.#measured || undefined;
  }

  /** The state after these events. Changes nothing. */
  after(events: readonly Happened[]): StateAt {
    const state = events.reduce((before, event) => this.aggregate.evolve(before, event), this.state);
    return { version: this.version + events.length, state };
  }

  /**
   * Makes the state after an append in flight the basis of all further decisions.
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

  /**
   * Discards this state, because an append that it builds on was refused. A command that holds it sees `isDiscarded`.
   */
  discard(): void {
    this.#isDiscarded = true;
  }

  /** Resolves when the appends that are in flight now are settled, whatever their outcome. */
  async settled(): Promise<void> {
    await this.#pending?.catch(() => undefined);
  }

  /** Resolves when a version is committed, or when no append in flight can commit it any more. */
  async settledUpTo(version: number): Promise<void> {
    while (this.#pending && !this.#isDiscarded && this.#committed.version < version) await this.settled();
  }

  /** Applies the events that the log has after this state's version. Nothing may be in flight. */
  catchUp(read: StreamTail): void {
    this.#committed = stateAfter(this.aggregate, this.#newest, read);
    this.#isAbout(read.snapshot?.keys ?? []);
    for (const { keys = [], subject } of read.events) this.#isAbout(keys, subject);
    this.#newest = this.#committed;
    this.#readUpTo = this.#committed.version;
    if (read.snapshot || read.ignored) this.#tail = NO_TAIL;
  }

  /**
   * True if this was the stream's state at `version` when the log was read.
   * @param newest the stream's newest version in the log at that time.
   */
  wasTrueAt(version: number, newest: number): boolean {
    if (this.#isDiscarded || newest > this.#committed.version) return false;
    // Either nothing came after it, or only appends of this instance that came after the log was read.
    return newest === version || this.#readUpTo <= version;
  }

  /**
   * Counts committed events that a snapshot would save reading.
   * @param bytes approximate bytes of the events, if known.
   */
  grew(events: readonly Grown[], bytes?: number): void {
    for (const { seal } of events) {
      if (seal)
        this.#isAbout(
          seal.parts.map(({ until }) => ({ subject: seal.subject, until })),
          seal.subject,
        );
    }
    const { events: count, bytes: size } = this.#tail;
    this.#tail = { events: count + events.length, bytes: size + dataBytesOf(events, bytes) };
  }

  #isAbout(keys: readonly KeyRef[], subject: Subject | undefined = keys.at(-1)?.subject): void {
    this.#subject = subject ?? this.#subject;
    for (const key of keys) {
      if (this.#personal.size <= MAX_SNAPSHOT_KEYS) this.#personal.set(`${key.subject} ${key.until ?? ''}`, key);
    }
  }

  /** Called when a snapshot is taken: the tail begins again. */
  snapshotTaken(): void {
    this.#tail = NO_TAIL;
  }

  /**
   * Counts bytes by which the state may have grown.
   * @returns true if it may have doubled since the last measurement, so that small additions do not cause a measurement
   * each time.
   */
  outgrew(bytes: number): boolean {
    this.#unmeasured += bytes;
    return this.#unmeasured >= Math.max(SMALL, this.#measured);
  }

  /**
   * Measures the state.
   * @returns its approximate bytes in memory.
   */
  measure(): number {
    this.#measured = ENVELOPE + approximateBytes(this.state);
    this.#unmeasured = 0;
    return this.#measured;
  }
}

/**
 * The state after the events that were read from a stream.
 * @param before used if there is no snapshot.
 */
export function stateAfter(aggregate: Aggregate, before: StateAt, { snapshot, events }: StreamTail): StateAt {
  let { state, version } = snapshot ?? before;
  for (const event of events) {
    state = aggregate.evolve(state, event);
    version = event.version;
  }
  return { version, state };
}
