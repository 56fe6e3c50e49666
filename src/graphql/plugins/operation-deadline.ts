import type { ExecutionResult } from 'graphql';
import type { Cancellation } from '../../database/driver/cancellation.ts';
import { Ending, type Signal } from '../../database/signal.ts';
import { later, type Timer } from '../../scheduling/timers.ts';
import type { Context } from '../context.ts';
import { OperationTimeoutError } from '../errors.ts';

/** Ends with its time, or when the client is gone. Costs almost nothing until it begins. */
export class OperationDeadline implements Cancellation {
  readonly onAnswer: (() => void) | undefined;
  readonly caller: string;
  readonly #timeoutMs: number;
  readonly #client: Signal | undefined;
  #ending: Ending | undefined;
  #timer: Timer | undefined;
  #onTimeout: (() => void) | undefined;
  readonly #leave = () => this.cancel();

  constructor(
    timeoutMs: number,
    { caller, operation }: Pick<Context, 'caller'> & Partial<Pick<Context, 'operation'>>,
    client: Signal | undefined,
  ) {
    this.onAnswer = operation?.onResumed;
    this.caller = caller;
    this.#timeoutMs = timeoutMs;
    this.#client = client;
  }

  get signal(): Signal | undefined {
    return this.#ending;
  }

  begin(): void {
    if (this.#ending) return;
    this.#ending = new Ending();
    if (this.#client?.aborted) this.#leave();
    else this.#client?.addEventListener('abort', this.#leave, { once: true });
    this.#timer = later(
      this.#timeoutMs,
      () => {
        this.#onTimeout?.();
        this.#leave();
      },
      { keepsProcess: false },
    );
  }

  /** Aborts the signal, if it has begun. */
  cancel(): void {
    this.#ending?.abort();
  }

  end(): void {
    this.#timer?.cancel();
    this.#client?.removeEventListener('abort', this.#leave);
  }

  /** The result, or a replacement made from TIMEOUT if the result does not come in time. */
  orTimeout<T>(result: Promise<T>, instead: (late: ExecutionResult) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#onTimeout = () =>
        resolve(instead({ data: null, errors: [new OperationTimeoutError(this.#timeoutMs) as never] }));
      result.then(resolve, reject);
    });
  }
}
