import type { Signal } from '../database/signal.ts';
import type { SharedSink } from './answer/shared-json.ts';
import type { Allotment } from './live/subscription-budget.ts';

/** The facts about an operation that exist only while it runs. Plugins set them, and resolvers read them. */
export class RunningOperation {
  /** Sends messages that many subscribers get; undefined if the client's transport sends all messages itself. */
  readonly sink: SharedSink | undefined;
  readonly #client: Signal | undefined;
  #traceparent: string | undefined;
  #limit: Signal | undefined;
  #cost = 0;
  #allotment: Allotment | undefined;
  #beginMessage: (() => void) | undefined;
  #onResumed: (() => void) | undefined;
  #charge: ((bytes: number, fields: number) => Promise<number>) | undefined;

  /**
   * @param client aborted when the client is gone; undefined if this is not known.
   * @param traceparent the client's W3C trace context.
   */
  constructor(client: Signal | undefined, traceparent: string | undefined, sink?: SharedSink) {
    this.sink = sink;
    this.#client = client;
    this.#traceparent = traceparent;
  }

  /** W3C trace context for the operation's commands: that of its own span if there is one, otherwise the client's. */
  get traceparent(): string | undefined {
    return this.#traceparent;
  }

  /**
   * Aborted when the client is gone, or the operation or the message of a subscription has taken too long. Over
   * WebSocket a subscription has a signal only while a message is resolved.
   */
  get signal(): Signal | undefined {
    return this.#limit ?? this.#client;
  }

  /** The operation's maximum cost, in points of its document; 0 until it is known. */
  get cost(): number {
    return this.#cost;
  }

  /** The memory limit of a subscription; undefined for other operations. */
  get allotment(): Allotment | undefined {
    return this.#allotment;
  }

  /** Called when the operation resumes after an answer of the database, or with a message; undefined if nobody asks. */
  get onResumed(): (() => void) | undefined {
    return this.#onResumed;
  }

  /** The operation has a span of its own. */
  tracedBy(traceparent: string | undefined): void {
    this.#traceparent = traceparent ?? this.#traceparent;
  }

  /** @param limit aborted when the time is over or the client is gone; undefined if the time is not limited any more. */
  limitTo(limit: Signal | undefined): void {
    this.#limit = limit;
  }

  /** @param points what the operation may cost at most. */
  costs(points: number): void {
    this.#cost = points;
  }

  /** Everything that the subscription holds from now on is counted there. */
  holdWithin(allotment: Allotment): void {
    this.#allotment = allotment;
  }

  /**
   * Counts what was executed for the subscription and others together. It never rejects.
   * @param bytes that were read and answered.
   * @param fields at the root of an execution that nobody has asked for with an operation of its own.
   * @returns how long its caller should wait before they ask for more, in ms: 0 if they are within their limit.
   */
  async charge(bytes: number, fields = 0): Promise<number> {
    return (await this.#charge?.(bytes, fields)) ?? 0;
  }

  /** @param charge what {@link charge} does; it must not reject. Without it nothing is counted. */
  chargeBy(charge: (bytes: number, fields: number) => Promise<number>): void {
    this.#charge = charge;
  }

  /** A message of the subscription is about to be resolved. */
  beginMessage(): void {
    this.#beginMessage?.();
  }

  /** @param begin called when a message is about to be resolved; it replaces the function of the message before. */
  whenMessageBegins(begin: () => void): void {
    this.#beginMessage = begin;
  }

  whenResumed(listener: () => void): void {
    this.#onResumed = listener;
  }
}
