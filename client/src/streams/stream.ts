import { type Answer, codesOf, isForeign, isOutdated, mayPass, type Operation } from '../core/answer.ts';
import type { Credentials } from '../core/credentials.ts';
import { AfterwriteError, RequestError, UnreachableError } from '../core/errors.ts';
import { call } from '../core/listeners.ts';
import { backoff, pause } from '../core/pause.ts';
import type { Tokens } from '../core/tokens.ts';

/** Receives the messages of a subscription. */
export interface Sink<Data = unknown> {
  /** @returns false if the message was overtaken by something newer and is not shown. */
  next(answer: Answer<Data>): unknown;
  /** The subscription has ended, because of this. */
  error(error: unknown): void;
  /** The server has ended the subscription, or nobody is signed in any more. */
  complete(): void;
}

/** A subscription that is interrupted, or goes on. */
export interface Interruption extends Operation {
  /** How many attempts have failed, one after the other; 0 if the subscription goes on. */
  readonly failures: number;
  /** Why the last attempt has failed: `UNREACHABLE`, or what the server has answered. */
  readonly error?: AfterwriteError;
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
  /** Ends connections that streams share, if there are any. */
  reset?(): void;
}

export interface StreamParts {
  readonly transport: Transport;
  readonly credentials: Credentials;
  readonly tokens: Tokens;
  /** Those that have not ended. */
  readonly streams: Set<Stream>;
  readonly note: (operation: Operation, answer: Answer) => void;
  readonly interrupted: (change: Interruption) => void;
}

/** How long a stream whose message was overtaken may be silent before it is opened again, in ms. */
const OVERTAKEN_MS = 1000;
/** A stream that has been open for this long goes on, although it had nothing to say, in ms. */
const STEADY_MS = 60_000;

/**
 * A subscription that goes on after lost connections, expired credentials and restarts of the server, until it is ended.
 * If the document declares `$after: ConsistencyToken` and the caller has left it out, each opening begins after what was written and seen.
 */
export class Stream {
  readonly #operation: Operation;
  readonly #sink: Sink;
  readonly #parts: StreamParts;
  readonly #takesAfter: boolean;
  #close: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pausing = new AbortController();
  #failures = 0;
  #isInterrupted = false;
  /** Counts openings: what an earlier one still says is ignored. */
  #opening = 0;

  constructor(operation: Operation, sink: Sink, parts: StreamParts) {
    this.#operation = operation;
    this.#sink = sink;
    this.#parts = parts;
    // A cursor may have this name too.
    this.#takesAfter = /\$after\s*:\s*ConsistencyToken/.test(operation.query) && operation.variables.after == null;
    parts.streams.add(this);
    void this.#open();
  }

  /** Opens it again, for example because somebody else is signed in. */
  restart(): void {
    this.#failures = 0;
    void this.#open();
  }

  /** Ends it. Nothing more is told. */
  stop(): void {
    this.#parts.streams.delete(this);
    this.#leave();
  }

  /** Ends it and says so. */
  complete(): void {
    this.stop();
    call(() => this.#sink.complete());
  }

  #leave(): number {
    this.#endWait();
    this.#close?.();
    this.#close = undefined;
    return ++this.#opening;
  }

  async #open(): Promise<void> {
    const opening = this.#leave();
    const isPresent = () => opening === this.#opening;
    const { credentials, transport, tokens, streams } = this.#parts;
    // It may have ended during a pause.
    if (!streams.has(this)) return;
    const { variables } = this.#operation;
    try {
      const { token } = await credentials.present();
      const after = this.#takesAfter ? await tokens.shared() : undefined;
      if (!isPresent()) return;
      const operation =
        after === undefined ? this.#operation : { ...this.#operation, variables: { ...variables, after } };
      this.#timer = setTimeout(() => this.#goesOn(), STEADY_MS);
      this.#close = transport.open(operation, token, {
        next: (answer) => isPresent() && this.#next(answer, after),
        lost: (loss) => isPresent() && void this.#lost(loss),
        complete: () => isPresent() && this.complete(),
      });
    } catch (error) {
      if (isPresent()) this.#failed(error);
    }
  }

  #next(answer: Answer, after: string | undefined): void {
    if (answer.data == null && after !== undefined && isOutdated(answer)) {
      this.#parts.tokens.outdated(after, isForeign(answer));
      this.#openOnce(answer);
    } else if (answer.data == null && codesOf(answer).some(mayPass)) {
      this.#failed(new RequestError(answer.errors));
    } else this.#show(answer);
  }

  #show(answer: Answer): void {
    this.#goesOn();
    this.#parts.note(this.#operation, answer);
    this.#endWait();
    // The server sends a newer message if there is a difference; but what it compares is not what is shown here.
    if (call(() => this.#sink.next(answer)) === false) this.#openLater(OVERTAKEN_MS);
  }

  async #lost({ error, isFatal, rejected, answer }: Loss): Promise<void> {
    const opening = this.#leave();
    const isPresent = () => opening === this.#opening;
    if (isFatal) return this.#end(error);
    if (!answer) return this.#failed(error);
    try {
      const renewed = await this.#parts.credentials.renewed(rejected);
      if (!isPresent()) return;
      // A server that refuses even new credentials is not asked again and again.
      if (renewed === undefined) this.#end(new RequestError(answer.errors));
      else this.#openOnce(answer);
    } catch (failure) {
      if (isPresent()) this.#failed(failure);
    }
  }

  /** The reason why it was refused is gone: opens it at once, but not again and again. */
  #openOnce({ errors = [] }: Answer): void {
    if (this.#failures > 0) this.#failed(new RequestError(errors));
    else {
      this.#failures++;
      void this.#open();
    }
  }

  /** An attempt has failed. The next one follows after a pause. */
  #failed(cause: unknown): void {
    const error = cause instanceof AfterwriteError ? cause : new UnreachableError('The stream was cut off.', cause);
    this.#leave();
    this.#openLater(backoff(this.#failures++, Number(error.facts.retryAfterMs ?? 0)));
    this.#isInterrupted = true;
    this.#tell(error);
  }

  #goesOn(): void {
    this.#failures = 0;
    if (!this.#isInterrupted) return;
    this.#isInterrupted = false;
    this.#tell();
  }

  #tell(error?: AfterwriteError): void {
    this.#parts.interrupted({ ...this.#operation, failures: this.#failures, ...(error && { error }) });
  }

  #openLater(ms: number): void {
    this.#pausing = new AbortController();
    pause(ms, this.#pausing.signal).then(
      () => this.#open(),
      () => {},
    );
  }

  #endWait(): void {
    clearTimeout(this.#timer);
    this.#pausing.abort();
  }

  #end(error: unknown): void {
    this.stop();
    call(() => this.#sink.error(error));
  }
}
