import { setTimeout as delay } from 'node:timers/promises';
import {
  type Command,
  type CommandOutcome,
  type Engine,
  findCommand,
  type InputOf,
  OutcomeUnknownError,
  SYSTEM,
  ThrottledError,
} from '../../index.ts';
import { isTransient } from '../../server/index.ts';
import { RowRejection } from './file/rows.ts';

export interface IssueOptions {
  /** Omitted if repeating the command does no harm. */
  readonly commandId?: string;
  readonly occurredAt: Date;
}

/** How long the import waits for a database that is away, and how often it asks, in ms. */
const PATIENCE_MS = 30_000;
const RETRY_MS = 500;

/** Issues commands on behalf of the application, and retries until it is stopped. */
export class RetryingIssuer {
  readonly #engine: Pick<Engine, 'bus' | 'log'>;
  /** The same for everything that one import issues: it finds the import's events in the log. */
  readonly #correlationId: string;
  readonly #signal: AbortSignal;
  #fault: { readonly error: unknown } | undefined;

  constructor(engine: Pick<Engine, 'bus' | 'log'>, correlationId: string, signal: AbortSignal) {
    this.#engine = engine;
    this.#correlationId = correlationId;
    this.#signal = signal;
  }

  /** Issues a command. Thanks to its id, or because it is harmless, it can be sent again as often as necessary. */
  issue<C extends Command>(command: C, input: InputOf<C>, options: IssueOptions): Promise<CommandOutcome> {
    const metadata = { actor: SYSTEM, idsFrom: 'engine', correlationId: this.#correlationId } as const;
    return this.#retryUntilStopped(() => this.#engine.bus.execute(command, input, { ...options, ...metadata }));
  }

  /** The outcome of a command that may have been issued before: the same command, another one under its id, or none. */
  find<C extends Command>(command: C, input: InputOf<C>, commandId: string): Promise<'same' | 'other' | 'none'> {
    return this.#retryUntilStopped(() => findCommand(this.#engine.log, command, input, { actor: SYSTEM, commandId }));
  }

  async #retryUntilStopped<T>(work: () => Promise<T>): Promise<T> {
    let since: number | undefined;
    for (;;) {
      // If the database is gone, hundreds of commands wait: once one of them has given up, all do.
      if (this.#fault) throw this.#fault.error;
      try {
        return await work();
      } catch (error) {
        // A read model that is far behind can take any length of time: the user may stop the import before.
        if (error instanceof ThrottledError && !this.#signal.aborted) {
          await delay(error.retryAfterMs, undefined, { signal: this.#signal }).catch(() => undefined);
          continue;
        }
        since ??= performance.now();
        const mayPass = isTransient(error) || error instanceof OutcomeUnknownError;
        if (!mayPass || this.#signal.aborted || performance.now() - since > PATIENCE_MS) {
          this.#fault ??= { error };
          throw error;
        }
        await delay(RETRY_MS);
      }
    }
  }
}

/** Why a command was not accepted; undefined if it was. */
export function refusalOf(outcome: Exclude<CommandOutcome, { kind: 'accepted' }>): RowRejection;
export function refusalOf(outcome: CommandOutcome): RowRejection | undefined;
export function refusalOf(outcome: CommandOutcome): RowRejection | undefined {
  switch (outcome.kind) {
    case 'accepted':
      return undefined;
    case 'rejected':
      return new RowRejection(outcome.code, outcome.message);
    case 'invalid':
      return new RowRejection(
        'INVALID',
        outcome.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join(' '),
      );
    case 'reused':
      return new RowRejection('IMPORTED_OTHERWISE', 'It was imported before with other values.');
    case 'notFound':
      return new RowRejection('NOT_FOUND', `There is no ${outcome.aggregate} ${outcome.aggregateId}.`);
    case 'conflict':
      return new RowRejection('CONFLICT', 'Somebody else changes the same thing all the time.');
  }
}
