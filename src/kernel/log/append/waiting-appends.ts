import { Fifo } from '../../../scheduling/fifo.ts';
import type { Append } from './append.ts';

/** An append that waits for a batch. */
export interface Waiting {
  readonly append: Append;
  /** Approximate memory. */
  readonly bytes: number;
  /** The initiator: see `initiatorOf`. */
  readonly initiator: string;
  /** When it was queued, by `performance.now()`. */
  readonly since: number;
  /** True if it is in a batch or was withdrawn. Only {@link WaitingAppends} writes it. */
  isTaken: boolean;
}

/** Limits of a batch. An append that is larger than a batch is sent alone. */
export interface BatchLimits {
  /** Maximum number of events. */
  readonly events: number;
  readonly bytes: number;
}

/** The waiting appends of one initiator. */
export interface Share {
  readonly count: number;
  readonly bytes: number;
}

/** Bytes that one initiator may put into a batch before the next one gets a turn. */
const TURN_BYTES = 16_384;

interface InitiatorQueue<W> {
  /** In the order of the calls, including those that were already taken out of turn. */
  readonly appends: W[];
  count: number;
  bytes: number;
}

/**
 * The appends that wait for a batch. Initiators take turns: deficit round robin after Shreedhar and Varghese, without a
 * deficit, because a turn ends with the append that fills it. So the others wait for only one turn, however many
 * appends one initiator has. Appends for one stream keep the order of the calls, also of several initiators, because each is
 * decided on the state after the previous one.
 */
export class WaitingAppends<W extends Waiting> {
  /** By initiator, in the order of turns. */
  readonly #queues = new Map<string, InitiatorQueue<W>>();
  /** The waiting appends of each stream, in order. They are taken only from the front. */
  readonly #streams = new Map<string, Fifo<W>>();
  #count = 0;
  #bytes = 0;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The append that has waited longest; undefined if none waits. */
  get oldest(): W | undefined {
    let oldest: W | undefined;
    for (const { appends } of this.#queues.values()) {
      const first = appends.find(({ isTaken }) => !isTaken);
      if (first && (!oldest || first.since < oldest.since)) oldest = first;
    }
    return oldest;
  }

  shareOf(initiator: string): Share {
    return this.#queues.get(initiator) ?? { count: 0, bytes: 0 };
  }

  push(waiting: W): void {
    let queue = this.#queues.get(waiting.initiator);
    if (!queue) {
      queue = { appends: [], count: 0, bytes: 0 };
      this.#queues.set(waiting.initiator, queue);
    }
    queue.appends.push(waiting);
    queue.count++;
    queue.bytes += waiting.bytes;
    this.#count++;
    this.#bytes += waiting.bytes;
    const stream = streamOf(waiting);
    let others = this.#streams.get(stream);
    if (!others) {
      others = new Fifo();
      this.#streams.set(stream, others);
    }
    others.push(waiting);
  }

  /**
   * Takes as many appends as fit into a batch. If a command id is already in the batch, the append waits for the next
   * one, which will find the id in the log. Later appends for the same stream wait with it.
   */
  takeBatch(limits: BatchLimits): W[] {
    const batch = new GrowingBatch<W>(limits);
    let passed = 0;
    while (this.#queues.size > passed && !batch.isFull) {
      const [next] = this.#queues;
      if (!next) break;
      const [initiator, queue] = next;
      const before = queue.count;
      this.#takeTurn(queue, batch);
      const hasTaken = queue.count < before;
      passed = hasTaken ? 0 : passed + 1;
      // The initiator goes to the end, unless the batch was full before its turn.
      if (queue.count > 0 && (hasTaken || !batch.isFull)) {
        this.#queues.delete(initiator);
        this.#queues.set(initiator, queue);
      }
    }
    return batch.appends;
  }

  /** Takes everything that waits for these streams, in order. */
  takeStreams(streams: ReadonlySet<string>): W[] {
    const taken: W[] = [];
    for (const stream of streams) {
      for (let next = this.#streams.get(stream)?.head; next; next = this.#streams.get(stream)?.head) {
        this.#take(next, stream);
        taken.push(next);
      }
    }
    return taken;
  }

  #takeTurn(queue: InitiatorQueue<W>, batch: GrowingBatch<W>): void {
    let spent = 0;
    let nth = 0;
    const kept: W[] = [];
    for (; nth < queue.appends.length && spent < TURN_BYTES && !batch.isFull; nth++) {
      const waiting = queue.appends[nth] as W;
      if (waiting.isTaken) continue;
      if (this.#takeUpTo(waiting, batch)) spent += waiting.bytes;
      else kept.push(waiting);
    }
    queue.appends.splice(0, nth, ...kept);
  }

  /** Takes an append and those before it for the same stream. @returns false if it must wait. */
  #takeUpTo(waiting: W, batch: GrowingBatch<W>): boolean {
    const stream = streamOf(waiting);
    if (batch.heldStreams.has(stream)) return false;
    while (!waiting.isTaken) {
      const first = this.#streams.get(stream)?.head;
      if (!first || !batch.add(first, stream)) return false;
      this.#take(first, stream);
    }
    return true;
  }

  /** @param waiting the first append of its stream. */
  #take(waiting: W, stream: string): void {
    waiting.isTaken = true;
    const others = this.#streams.get(stream);
    others?.shift();
    if (!others?.head) this.#streams.delete(stream);
    this.#count--;
    this.#bytes -= waiting.bytes;
    const queue = this.#queues.get(waiting.initiator);
    if (!queue) return;
    queue.count--;
    queue.bytes -= waiting.bytes;
    if (queue.count === 0) this.#queues.delete(waiting.initiator);
  }
}

/** A batch that is being assembled. */
class GrowingBatch<W extends Waiting> {
  readonly appends: W[] = [];
  /** Streams whose next append must wait for another batch. */
  readonly heldStreams = new Set<string>();
  isFull = false;
  readonly #limits: BatchLimits;
  readonly #commandIds = new Set<string>();
  #events = 0;
  #bytes = 0;

  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  /** @returns false if the append must wait. */
  add(waiting: W, stream: string): boolean {
    const { append, bytes } = waiting;
    // An append without events writes a receipt.
    const events = Math.max(1, append.events.length);
    const { events: mostEvents, bytes: mostBytes } = this.#limits;
    if (this.appends.length > 0 && (this.#events + events > mostEvents || this.#bytes + bytes > mostBytes)) {
      this.isFull = true;
      return false;
    }
    if (this.#commandIds.has(append.commandId)) {
      this.heldStreams.add(stream);
      return false;
    }
    this.#commandIds.add(append.commandId);
    this.#events += events;
    this.#bytes += bytes;
    this.appends.push(waiting);
    return true;
  }
}

export function streamOf({ append }: Pick<Waiting, 'append'>): string {
  return `${append.streamType}/${append.streamId}`;
}
