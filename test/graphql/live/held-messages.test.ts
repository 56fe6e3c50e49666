import type { ExecutionResult } from 'graphql';
import { expect, it } from 'vitest';
import { AnswerBudget } from '../../../src/graphql/answer/budget.ts';
import { SharedJson, type SharedResult, sharedResult } from '../../../src/graphql/answer/shared-json.ts';
import { AnswerShares } from '../../../src/graphql/answer/shares.ts';
import { apartFromShared } from '../../../src/graphql/live/shared/apart-from-shared.ts';
import { heldCopies } from '../../../src/graphql/live/shared/held-messages.ts';
import { settle } from '../../support/kernel/appends.ts';

const LIMITS = { answerBytes: 1_000_000, readBytes: 1_000_000 };
const THROTTLED = { value: { errors: [{ code: 'THROTTLED', retryAfterMs: 1000 }] }, done: false };
const shares = () => new AnswerShares({ caller: 100_000, total: 1_000_000 });

/** A message of about so many bytes. */
function messageOf(bytes: number): SharedResult {
  return sharedResult(new SharedJson(JSON.stringify({ data: { text: 'x'.repeat(bytes) } })), undefined, {});
}

async function* each(messages: readonly ExecutionResult[]): AsyncGenerator<ExecutionResult, undefined> {
  yield* messages;
}

it.each([1000, 40_000])(
  'every copy of a message of %d bytes counts until its reader takes the next one',
  async (size) => {
    const held = shares();
    const message = messageOf(size);
    const budgets = [1, 2].map(() => new AnswerBudget(LIMITS, held, 'ada'));
    for (const budget of budgets) await heldCopies(each([message]), budget).next();
    expect(held.bytes).toBe(2 * message.shared.bytes);
    budgets[0]?.reset();
    expect(held.bytes).toBe(message.shared.bytes);
    budgets[1]?.end();
    expect(held.bytes).toBe(0);
  },
);

it('a subscription ends with an error if its caller has no room for a copy', async () => {
  const held = shares();
  const message = messageOf(60_000);
  const [first, second] = [1, 2].map(() => heldCopies(each([message, message]), new AnswerBudget(LIMITS, held, 'ada')));
  expect((await first?.next())?.value).toBe(message);
  expect(await second?.next()).toMatchObject(THROTTLED);
  expect((await second?.next())?.done).toBe(true);
  const other = heldCopies(each([message]), new AnswerBudget(LIMITS, held, 'bob'));
  expect((await other.next()).value).toBe(message);
});

it.each([
  [1000, 2],
  [40_000, 1],
])('a message of %d bytes that two sockets have not written counts %d times', async (size, times) => {
  const held = shares();
  const message = messageOf(size);
  const gates = ['ada', 'bob'].map((caller) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const budget = new AnswerBudget(LIMITS, held, caller);
    return { write: resolve, end: apartFromShared(each([message]), () => promise, budget).next() };
  });
  await settle();
  expect(held.bytes).toBe(times * message.shared.bytes);
  for (const left of [1, 0]) {
    const gate = gates[1 - left];
    gate?.write();
    expect((await gate?.end)?.done).toBe(true);
    expect(held.bytes).toBe(left * message.shared.bytes);
  }
});

it('a subscription ends with an error if its caller has no room for what its socket does not write', async () => {
  const held = shares();
  const never = () => new Promise<void>(() => {});
  const [first, second] = [1, 2].map(() =>
    apartFromShared(each([messageOf(60_000)]), never, new AnswerBudget(LIMITS, held, 'ada')),
  );
  void first?.next();
  await settle();
  expect(await second?.next()).toMatchObject(THROTTLED);
  expect((await second?.next())?.done).toBe(true);
});
