import type { Signal } from '../../database/signal.ts';
import { later } from '../../scheduling/timers.ts';
import { ThrottledError } from '../errors.ts';

/** A wait for a read model that did not end in time. */
export class ConsistencyTimeoutError extends Error {
  readonly code = 'CONSISTENCY_TIMEOUT';
  readonly projection: string;
  /** Positions. */
  readonly required: number;
  readonly current: number;
  /** RUNNING, or why waiting may be in vain: STALLED, REBUILDING, STOPPED. */
  readonly state: string;
  /** Where queries read from a replica, which shows `current`: what the primary has. */
  readonly projected: number | undefined;

  constructor(projection: string, required: number, current: number, state: string, projected?: number) {
    const where =
      projected === undefined ? `${current}` : `${current} on the read replica, at ${projected} on the primary,`;
    super(
      `Read model ${projection} (${state}) is at position ${where} and has not reached ${required} in time. ` +
        'Read again, or with onTimeout: STALE.',
    );
    this.name = 'ConsistencyTimeoutError';
    this.projection = projection;
    this.required = required;
    this.current = current;
    this.state = state;
    this.projected = projected;
  }
}

/** Who waits: a read, for a time, or a subscription, for as long as its client is there. */
export type WaitKind = 'read' | 'subscription';

/**
 * How many subscriptions may wait for each read that may. They are counted apart: a subscription waits without end for a read
 * model that is stuck, and would otherwise take the places of everybody's reads.
 */
const SUBSCRIPTIONS_A_READ = 10;

/** When there may be room again, in ms. */
const RETRY_AFTER_MS = 500;

export interface WaitOptions {
  /** Whose share of the waits it takes: see `callerKey`. Undefined for the application itself, which has no share. */
  readonly caller?: string | undefined;
  readonly timeoutMs?: number | undefined;
  readonly signal?: Signal | undefined;
  /** A read unless told. */
  readonly as?: WaitKind;
}

export interface PositionsOptions {
  /** Of {@link Positions}' limit, what one caller may have; all of it unless given. */
  readonly perCaller?: number | undefined;
  /** Told that somebody has begun to wait. */
  readonly onWait?: (() => void) | undefined;
}

interface Waiter {
  readonly position: number;
  settled: boolean;
  readonly resolve: () => void;
}

/**
 * How far each projection is, and who waits for it. A wait costs a little memory and nothing else: no database connection,
 * no polling.
 */
export class Positions {
  readonly #projections: ReadonlyMap<string, Track>;
  readonly #limits: Readonly<Record<WaitKind, WaitLimit>>;
  #retreats = 0;
  readonly #onWait: () => void;

  /**
   * @param limit waits of reads at one time, over all projections.
   */
  constructor(projections: Iterable<string>, limit: number, { perCaller = limit, onWait }: PositionsOptions = {}) {
    this.#onWait = onWait ?? (() => {});
    this.#projections = new Map([...projections].map((name) => [name, new Track()]));
    this.#limits = {
      read: new WaitLimit('reads', limit, perCaller),
      subscription: new WaitLimit('subscriptions', limit * SUBSCRIPTIONS_A_READ, perCaller * SUBSCRIPTIONS_A_READ),
    };
  }

  get names(): string[] {
    return [...this.#projections.keys()];
  }

  /** Waits at this moment. */
  get waiting(): number {
    return this.#limits.read.taken + this.#limits.subscription.taken;
  }

  /**
   * Number of times any position moved backwards. If it changed between a wait and its read, wait and read again.
   */
  get retreats(): number {
    return this.#retreats;
  }

  has(projection: string): boolean {
    return this.#projections.has(projection);
  }

  /** Every event up to here is in the read model; 0 if it has not begun. */
  of(projection: string): number {
    return this.#track(projection).position;
  }

  /**
   * True if events wait in this projection's dead letters: rows may lack them, and rows that they would have made are not
   * there. Known at the latest when the position of the first such event is reached.
   */
  hasParked(projection: string): boolean {
    return this.#track(projection).hasParked;
  }

  /** Told by the projector before it tells the position that goes with it. */
  setParked(projection: string, hasParked: boolean): void {
    this.#track(projection).hasParked = hasParked;
  }

  /** Somebody waits for this projection. */
  isAwaited(projection: string): boolean {
    return this.#track(projection).awaited;
  }

  /** Told by the projector after the commit. Never goes back; see {@link retreat}. */
  advance(projection: string, position: number): void {
    this.#track(projection).advance(position);
  }

  /** Called by the projector if the database has not kept what it had committed. */
  retreat(projection: string, position: number): void {
    const track = this.#track(projection);
    if (position >= track.position) return;
    track.position = position;
    this.#retreats++;
  }

  /**
   * Resolves to true when the projection is at or past the position, to false when `signal` is aborted or `timeoutMs` is over
   * before.
   * @throws {ThrottledError} if as many wait as may, in all or of this caller.
   */
  async reached(
    projection: string,
    position: number,
    { timeoutMs, signal, caller, as = 'read' }: WaitOptions = {},
  ): Promise<boolean> {
    const track = this.#track(projection);
    if (track.position >= position) return true;
    if (signal?.aborted || timeoutMs === 0) return false;
    const places = this.#limits[as];
    places.take(caller);
    try {
      const reached = track.wait(position, timeoutMs, signal);
      this.#onWait();
      return await reached;
    } finally {
      places.giveBack(caller);
    }
  }

  #track(projection: string): Track {
    const track = this.#projections.get(projection);
    if (!track) throw new Error(`There is no projection ${projection}.`);
    return track;
  }
}

/** Waits of one kind: how many there may be in all, and how many of one caller. */
class WaitLimit {
  readonly #what: string;
  readonly #limit: number;
  readonly #perCaller: number;
  readonly #callers = new Map<string, number>();
  taken = 0;

  constructor(what: string, limit: number, perCaller: number) {
    this.#what = what;
    this.#limit = limit;
    this.#perCaller = perCaller;
  }

  take(caller: string | undefined): void {
    const own = (caller !== undefined && this.#callers.get(caller)) || 0;
    if (this.taken >= this.#limit || (caller !== undefined && own >= this.#perCaller)) {
      const how =
        this.taken >= this.#limit ? `${this.#limit} ${this.#what}` : `${this.#perCaller} of your ${this.#what}`;
      throw new ThrottledError(RETRY_AFTER_MS, `${how} wait for read models to catch up already.`);
    }
    this.taken++;
    if (caller !== undefined) this.#callers.set(caller, own + 1);
  }

  giveBack(caller: string | undefined): void {
    this.taken--;
    if (caller === undefined) return;
    const left = (this.#callers.get(caller) ?? 0) - 1;
    if (left > 0) this.#callers.set(caller, left);
    else this.#callers.delete(caller);
  }
}

/** One projection's position, and those who wait for it in a heap by position. */
class Track {
  position = 0;
  hasParked = false;
  #heap: Waiter[] = [];
  #dead = 0;

  get awaited(): boolean {
    return this.#heap.length > this.#dead;
  }

  wait(position: number, timeoutMs: number | undefined, signal: Signal | undefined): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (reached: boolean) => {
        if (waiter.settled) return;
        waiter.settled = true;
        timer?.cancel();
        signal?.removeEventListener('abort', giveUp);
        if (!reached) this.#bury();
        resolve(reached);
      };
      const giveUp = () => settle(false);
      const waiter: Waiter = { position, settled: false, resolve: () => settle(true) };
      const timer = timeoutMs === undefined ? undefined : later(timeoutMs, giveUp);
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#push(waiter);
    });
  }

  advance(position: number): void {
    if (position <= this.position) return;
    this.position = position;
    for (let first = this.#heap[0]; first && first.position <= position; first = this.#heap[0]) {
      this.#pop();
      if (first.settled) this.#dead--;
      else first.resolve();
    }
  }

  /** One more has given up. Once these are most of the heap it is made again without them. */
  #bury(): void {
    this.#dead++;
    if (this.#dead < 64 || this.#dead * 2 < this.#heap.length) return;
    const living = this.#heap.filter((waiter) => !waiter.settled);
    this.#heap = [];
    this.#dead = 0;
    for (const waiter of living) this.#push(waiter);
  }

  #push(waiter: Waiter): void {
    const heap = this.#heap;
    let at = heap.push(waiter) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Waiter;
      if (above.position <= waiter.position) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = waiter;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right && right.position < (heap[child] as Waiter).position) child++;
      const below = heap[child] as Waiter;
      if (below.position >= last.position) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }
}
