import { type Answer, mayPass, type Operation } from './answer.ts';
import { AfterwriteError, CommandError, RequestError, UnreachableError } from './errors.ts';
import { backoff, pause } from './pause.ts';

/** The selected fields of the receipt of an accepted command. */
export interface CommandReceipt {
  readonly aggregateId?: string;
  readonly commandId?: string;
  readonly version?: number;
  readonly token?: string;
  /** True if the command had been accepted before. */
  readonly replayed?: boolean;
  readonly [field: string]: unknown;
}

/** How long a command is sent again until there is an answer, in ms. */
export const PATIENCE_MS = 60_000;
/** How long the answer to one attempt may take, in ms. */
const ATTEMPT_MS = 30_000;

export interface SendingOptions {
  /** How long to send it again until there is an answer, in ms: a minute by default. */
  readonly patienceMs?: number;
  /** How long the answer to one attempt may take, in ms, before the command is sent again: 30 seconds by default. */
  readonly attemptMs?: number;
  readonly signal?: AbortSignal;
}

/** True if a document takes the id of its command, so that sending it again is safe. */
export const takesCommandId = (query: string): boolean => /\$commandId\b/.test(query);

/** An operation whose command has an id, which stays the same however often it is sent. */
export function identified(operation: Operation): Operation {
  const { variables } = operation;
  return { ...operation, variables: { ...variables, commandId: variables.commandId ?? uuid() } };
}

/** A random UUID. `crypto.randomUUID` exists only in pages from `https:` and `localhost`. */
const uuid = (): string =>
  '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) => {
    const [random = 0] = crypto.getRandomValues(new Uint8Array(1));
    return (Number(digit) ^ (random & (15 >> (Number(digit) / 4)))).toString(16);
  });

/**
 * Sends a mutation until there is an answer.
 * @param attempt sends it once, until its signal is aborted.
 * @param signal ends the pauses between two attempts.
 * @throws {AfterwriteError} NO_ANSWER if there is none in time: it may have been accepted. `facts.commandId` is its id;
 *   sent again with it, it takes effect once. `cause` is the last failure.
 */
export async function untilAnswered<Data>(
  attempt: (limit: AbortSignal) => Promise<Answer<Data>>,
  { variables: { commandId } }: Operation,
  { patienceMs = PATIENCE_MS, attemptMs = ATTEMPT_MS, signal }: SendingOptions,
): Promise<Answer<Data>> {
  const until = performance.now() + patienceMs;
  for (let failures = 0; ; failures++) {
    let failure: AfterwriteError;
    try {
      const answer = await within(attemptMs, attempt);
      if (!isUnanswered(answer)) return answer;
      failure = new RequestError(answer.errors);
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      failure = error;
    }
    const wait = backoff(failures, Number(failure.facts.retryAfterMs ?? 0));
    if (performance.now() + wait > until) {
      const message = 'There was no answer in time. Send it again with this commandId.';
      throw new AfterwriteError('NO_ANSWER', message, { commandId }, failure);
    }
    await pause(wait, signal);
  }
}

/** @throws {UnreachableError} if there is no answer in time, whatever it is that hangs. */
function within<Result>(ms: number, attempt: (limit: AbortSignal) => Promise<Result>): Promise<Result> {
  const limit = new AbortController();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const failure = new UnreachableError(`There was no answer within ${ms} ms.`);
      reject(failure);
      limit.abort(failure);
    }, ms);
    attempt(limit.signal)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

function isUnanswered({ data, errors = [], extensions: { accepted = [] } = {} }: Answer): boolean {
  if (!Object.values(data ?? { none: null }).includes(null)) return false;
  // An accepted command has its answer. An error without a path is one of the whole operation.
  return errors.some(({ path: [first] = [], extensions: { code } = {} }) => {
    const isAnswered = accepted.some(({ field }) => field === (first ?? field));
    return mayPass(code) && !isAnswered;
  });
}

/**
 * The receipt in the answer to one command. It counts even if its `query` failed: in part, or as a whole, when the
 * receipt is complete and its `query` is null.
 * @throws {CommandError} if the command was refused.
 * @throws {RequestError} if the request was.
 */
export function receiptIn({ data, errors = [], extensions }: Answer): CommandReceipt {
  const [result] = Object.values((data ?? {}) as Record<string, unknown>);
  const accepted = extensions?.accepted?.[0];
  if (accepted) return { ...accepted, query: null };
  if (typeof result !== 'object' || result === null) throw new RequestError(errors);
  const { __typename: type, code, message, ...facts } = result as Record<string, unknown>;
  if (type === 'CommandReceipt' || (type === undefined && 'token' in result)) return result as CommandReceipt;
  if (typeof code === 'string') throw new CommandError(code, String(message ?? code), { type, ...facts });
  throw new AfterwriteError(
    'RESULT_UNKNOWN',
    'Select `__typename` and `... on Error { code message }` in the field of the command.',
    { type, ...facts },
  );
}
