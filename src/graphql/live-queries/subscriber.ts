import type { ExecutionResult } from 'graphql';
import type { Signal } from '../../database/signal.ts';
import { later, type Timer } from '../../scheduling/timers.ts';
import type { Context } from '../context.ts';
import type { LiveMessage, MessageSource } from './live-message.ts';

export interface SubscriberOptions {
  /** Of the subscription. */
  readonly context: Context;
  /** Every message is at this position or later. */
  readonly after: number;
  /** Minimum time between two messages, in ms. */
  readonly everyMs: number;
  /** Called at the first `next()`, so that a client that never reads is never subscribed. */
  readonly onStart: (subscriber: LiveSubscriber) => void;
  /** Called once, however it ends. */
  readonly onEnd: (subscriber: LiveSubscriber) => void;
}

type MessageStep = IteratorResult<ExecutionResult, undefined>;

/**
 * The messages of one subscription to a live query. It keeps none: when its client can take one, it takes the newest
 * that its source has. So a slow client costs no memory, and skips what it was too slow for.
 */
export class LiveSubscriber implements AsyncIterableIterator<ExecutionResult, undefined> {
  readonly context: Context;
  readonly everyMs: number;
  readonly #onStart: (subscriber: LiveSubscriber) => void;
  readonly #onEnd: (subscriber: LiveSubscriber) => void;
  /** Aborted when the client is gone. While a message is resolved, the operation's signal is another one. */
  readonly #client: Signal | undefined;
  #source: MessageSource | undefined;
  /** Position of the last message, or that of `after`. */
  #position: number;
  /** Digest of the last answer that was sent. */
  #sent: string | undefined;
  #sentAt = Number.NEGATIVE_INFINITY;
  /** A message came that the client has not taken. */
  #isBehind = false;
  #pending: ((step: MessageStep) => void) | undefined;
  #timer: Timer | undefined;
  /** What its client gets as the last message. */
  #failure: ExecutionResult | undefined;
  #state: 'new' | 'open' | 'ended' = 'new';
  readonly #leave = () => this.#end();

  constructor({ context, after, everyMs, onStart, onEnd }: SubscriberOptions) {
    this.context = context;
    this.everyMs = everyMs;
    this.#position = after;
    this.#onStart = onStart;
    this.#onEnd = onEnd;
    this.#client = context.operation.signal;
    if (this.#client?.aborted) this.#end();
    else this.#client?.addEventListener('abort', this.#leave, { once: true });
  }

  /** Its next message is at this position or later. */
  get position(): number {
    return this.#position;
  }

  /** True until it has its first message. */
  get isNew(): boolean {
    return this.#sent === undefined;
  }

  /** Sets where its messages come from. */
  attach(source: MessageSource): void {
    this.#source = source;
  }

  /** The source has a newer message. */
  offer(): void {
    if (this.#pending) {
      this.#deliver();
      return;
    }
    if (this.#isBehind) this.context.observer.tell('messageCoalesced', undefined);
    this.#isBehind = true;
  }

  /** Ends the subscription at once, with an error that its client gets as the last message when it reads. */
  fail(error: unknown): void {
    if (this.#state === 'ended') return;
    this.#failure = { errors: [error as never] };
    this.#end();
  }

  next(): Promise<MessageStep> {
    if (this.#pending) return Promise.reject(new Error('A live query has one reader.'));
    return new Promise((resolve) => {
      this.#pending = resolve;
      if (this.#state !== 'new') {
        this.#deliver();
        return;
      }
      // The source offers the first message when it is current: what it has now may be outdated.
      this.#state = 'open';
      this.#onStart(this);
    });
  }

  return(): Promise<MessageStep> {
    this.#failure = undefined;
    this.#end();
    return Promise.resolve({ value: undefined, done: true });
  }

  throw(error?: unknown): Promise<MessageStep> {
    this.#end();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Gives the reader what there is for it, if it is time. */
  #deliver(): void {
    const resolve = this.#pending;
    if (!resolve) return;
    if (this.#state === 'ended') {
      const last = this.#failure;
      this.#pending = undefined;
      this.#failure = undefined;
      resolve(last ? { value: last, done: false } : { value: undefined, done: true });
      return;
    }
    const message = this.#source?.latest;
    if (!message || message.answer.digest === this.#sent || message.position < this.#position) return;
    const early = this.#sentAt + this.everyMs - performance.now();
    if (early > 0) {
      this.#timer ??= later(early, () => {
        this.#timer = undefined;
        this.#deliver();
      });
      return;
    }
    this.#pending = undefined;
    this.#send(message);
    resolve({ value: message.result, done: false });
  }

  #send({ answer, position }: LiveMessage): void {
    this.#position = position;
    this.#sent = answer.digest;
    this.#sentAt = performance.now();
    this.#isBehind = false;
  }

  #end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#timer?.cancel();
    this.#client?.removeEventListener('abort', this.#leave);
    this.#source = undefined;
    this.#onEnd(this);
    this.#deliver();
  }
}
