import type { Accepted, AnswerError } from './answer.ts';

/** What went wrong, with a code that programs can look at, and the facts. */
export class AfterwriteError extends Error {
  // Written out: tools that make pages small change the names of classes.
  override readonly name: string = 'AfterwriteError';
  declare readonly code: string;
  declare readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, facts: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.facts = facts;
  }
}

/**
 * The server did not accept a command: nothing has happened. `code` says why: `VALIDATION_FAILED`,
 * `CONCURRENCY_CONFLICT`, `AGGREGATE_NOT_FOUND`, `COMMAND_ID_REUSED`, `ID_TAKEN`, `NOT_STORABLE` or a rule of the
 * application. `facts` are the selected fields of the answer, for example `issues`.
 */
export class CommandError extends AfterwriteError {
  override readonly name = 'CommandError';
}

/** The server refused the request. `code` is the one of the first error; `facts` are its extensions. */
export class RequestError extends AfterwriteError {
  override readonly name = 'RequestError';
  declare readonly errors: readonly AnswerError[];
  /** Commands of the request that were accepted nevertheless: only what was to be read then has failed. */
  declare readonly accepted: readonly Accepted[];

  constructor(errors: readonly AnswerError[] = [], accepted: readonly Accepted[] = []) {
    const [{ message, extensions = {} } = { message: 'The answer is empty.' }] = errors;
    super(extensions.code ?? 'UNKNOWN', message, extensions);
    this.errors = errors;
    this.accepted = accepted;
  }
}

/** There was no answer: code `UNREACHABLE`. The operation may have been executed. */
export class UnreachableError extends AfterwriteError {
  override readonly name = 'UnreachableError';

  constructor(message: string, cause?: unknown) {
    super('UNREACHABLE', message, {}, cause);
  }
}
