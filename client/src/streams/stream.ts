import { type Answer, codesOf, isOutdated, type Operation } from '../core/answer.ts';
import type { Credentials } from '../core/credentials.ts';
import { RequestError } from '../core/errors.ts';
import { backoff } from '../core/pause.ts';
import type { Tokens } from '../core/tokens.ts';

/** Receives the messages of a subscription. */
export interface Sink {
  /** @returns false if the message was overtaken by something newer and is not shown. */
  next(answer: Answer): unknown;
  /** The subscription has ended, because of this. */
  error(error: unknown): void;
  /** The server has ended the subscription, or nobody is signed in any more. */
  complete(): void;
}

/** Why a stream was lost. */
export interface Loss {
  readonly error?: unknown;
  readonly isFatal?: boolean;
  /** The access token that the server refuses; undefined if there was none. */
  readonly rejected?: string | undefined;
  /** What the server said. */
  readonly answer?: Answer;
}

/** What a transport tells of a stream that it has opened. Nothing comes after `lost` or `complete`. */
export interface Opening {
  next(answer: Answer): void;
  lost(loss: Loss): void;
  complete(): void;
}

/** A way to subscribe. */
export interface Transport {
  /** Opens a stream once. @returns a function that ends it. */
  open(operation: Operation, token: string | undefined, opening: Opening): () => void;
  /** Ends connections that streams share. */
  reset(): void;
}

export interface StreamParts {
  readonly transport: Transport;
  readonly credentials: Credentials;
  readonly tokens: Tokens;
  readonly note: (operation: Operation, answer: Answer) => void;
}

/** Faults of the server that pass: the stream is opened again. */
const PASSING = ['THROTTLED', 'TIMEOUT', 'CONSISTENCY_TIMEOUT', 'INTERNAL_SERVER_ERROR'];
/** How long a stream whose message was overtaken may be silent before it is opened again, in ms. */
const OVERTAKEN_MS = 1000;

/**
 * A subscription that goes on after lost connections, expired credentials and restarts of the server, until it is ended.
 * If the document declares `$after` and the caller has left it out, each opening begins after what was written and seen.
 */
export class Stream {
  readonly #operation: Operation;
  readonly #sink: Sink;
  readonly #parts: StreamParts;
  readonly #takesAfter: boolean;
  #close: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  /** Counts openings: what an earlier one still says is ignored. */
  #opening = 0;
  #isEnded = false;

  constructor(operation: Operation, sink: Sink, parts: StreamParts) {
    this.#operation = operation;
    this.#sink = sink;
    this.#parts = parts;
    this.#takesAfter = /\$after\b/.test(operation.query) && operation.variables.after == null;
    void this.#open();
  }

  /** Opens it again, for example because somebody else is signed in. */
  restart(): void {
    if (this.#isEnded) return;
    this.#failures = 0;
    void this.#open();
  }

  /** Ends it. Nothing more is told. */
  stop(): void {
    this.#isEnded = true;
    this.#leave();
  }

  /** Ends it and says so. */
  complete(): void {
    if (this.#isEnded) return;
    this.stop();
    this.#sink.complete();
  }

  #leave(): number {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#close?.();
    this.#close = undefined;
    return ++this.#opening;
  }

  async #open(): Promise<void> {
    const opening = this.#leave();
    const isPresent = () => opening === this.#opening && !this.#isEnded;
    const { credentials, transport, tokens } = this.#parts;
    const { variables } = this.#operation;
    try {
      const { token } = await credentials.present();
      const after = this.#takesAfter ? await tokens.shared() : undefined;
      if (!isPresent()) return;
      const operation =
        after === undefined ? this.#operation : { ...this.#operation, variables: { ...variables, after } };
      this.#close = transport.open(operation, token, {
        next: (answer) => isPresent() && this.#next(answer, after),
        lost: (loss) => isPresent() && void this.#lost(loss),
        complete: () => isPresent() && this.complete(),
      });
    } catch {
      if (isPresent()) this.#openLater(backoff(this.#failures++));
    }
  }

  #next(answer: Answer, after: string | undefined): void {
    if (answer.data == null && after !== undefined && isOutdated(answer)) {
      this.#parts.tokens.outdated(after, !codesOf(answer).includes('TOKEN_AHEAD'));
      if (this.#failures++ === 0) void this.#open();
      else this.#openLater(backoff(this.#failures));
      return;
    }
    if (answer.data == null && codesOf(answer).some((code) => PASSING.includes(code ?? ''))) {
      this.#openLater(backoff(this.#failures++, answer.errors?.[0]?.extensions?.retryAfterMs));
      return;
    }
    this.#failures = 0;
    this.#parts.note(this.#operation, answer);
    clearTimeout(this.#timer);
    // The server sends a newer message if there is a difference; but what it compares is not what is shown here.
    if (this.#sink.next(answer) === false) this.#openLater(OVERTAKEN_MS, { keepsOpen: true });
  }

  async #lost({ error, isFatal, rejected, answer }: Loss): Promise<void> {
    const opening = this.#leave();
    const isPresent = () => opening === this.#opening && !this.#isEnded;
    if (isFatal) return this.#fail(error);
    if (!answer) return this.#openLater(backoff(this.#failures++));
    try {
      const renewed = await this.#parts.credentials.renewed(rejected);
      if (!isPresent()) return;
      // A server that refuses even new credentials is not asked again and again.
      if (renewed === undefined) this.#fail(new RequestError(answer.errors ?? []));
      else if (this.#failures++ === 0) void this.#open();
      else this.#openLater(backoff(this.#failures));
    } catch {
      if (isPresent()) this.#openLater(backoff(this.#failures++));
    }
  }

  #openLater(ms: number, { keepsOpen = false } = {}): void {
    if (!keepsOpen) this.#leave();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#open(), ms);
  }

  #fail(error: unknown): void {
    this.stop();
    this.#sink.error(error);
  }
}
