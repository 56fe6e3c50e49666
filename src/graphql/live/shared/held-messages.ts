import type { ExecutionResult } from 'graphql';
import { ThrottledError } from '../../../kernel/errors.ts';
import type { AnswerBudget } from '../../answer/budget.ts';
import { type SharedJson, sharedJsonOf } from '../../answer/shared-json.ts';

/** When a caller who reads too slowly may subscribe again, in ms. */
const RETRY_AFTER_MS = 1000;

/** The budgets of those for whom a message waits whose bytes they share. The first of them has paid for it. */
const waiting = new WeakMap<object, Set<AnswerBudget>>();

/**
 * Counts a message that many subscribers get while it waits for one of them. Large bytes are counted once for all.
 * @returns a function to call when it is written.
 * @throws {ThrottledError} if the caller has no room for it.
 */
export function hold({ pieces, source, bytes }: SharedJson, budget: AnswerBudget): () => void {
  const others = pieces && waiting.get(source);
  if (others) others.add(budget);
  else {
    take(bytes, budget);
    if (pieces) waiting.set(source, new Set([budget]));
  }
  return () => {
    const all = waiting.get(source);
    const [payer] = all ?? [];
    all?.delete(budget);
    budget.letGo();
    const [next] = all ?? [];
    if (!next) waiting.delete(source);
    else if (payer === budget) next.inherit(bytes);
  };
}

/**
 * The same messages, for a transport that makes a copy of each. A copy is counted until the budget is reset for the next
 * message. The subscription of a caller who has no room ends with the error.
 */
export function heldCopies(
  messages: AsyncIterableIterator<ExecutionResult>,
  budget: AnswerBudget,
): AsyncIterableIterator<ExecutionResult> {
  return {
    next: async () => {
      const step = await messages.next();
      const shared = step.done ? undefined : sharedJsonOf(step.value);
      if (!shared) return step;
      try {
        take(shared.bytes, budget);
        return step;
      } catch (error) {
        return lastMessage(messages, error);
      }
    },
    return: async () => (await messages.return?.()) ?? { value: undefined, done: true },
    throw: async (error) => (await messages.throw?.(error)) ?? Promise.reject(error),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Ends a subscription. @returns its last message. */
export async function lastMessage(
  messages: AsyncIterableIterator<ExecutionResult>,
  error: unknown,
): Promise<IteratorResult<ExecutionResult>> {
  await messages.return?.();
  return { value: { errors: [error as never] }, done: false };
}

function take(bytes: number, budget: AnswerBudget): void {
  const reason = budget.hold(bytes);
  if (reason) throw new ThrottledError(RETRY_AFTER_MS, `${reason} Read faster, or end other subscriptions first.`);
}
