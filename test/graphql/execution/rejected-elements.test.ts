import { setImmediate } from 'node:timers/promises';
import { buildSchema, parse } from 'graphql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AnswerBudget } from '../../../src/graphql/answer/budget.ts';
import { execute } from '../../../src/graphql/execution/execute.ts';

const schema = buildSchema(`
  type Query { texts: [String!] numbers: [[Int!]] things: [Thing!] }
  type Thing { id: ID! }
`);

/** Rejections that nobody handles: without a listener they end the process. */
const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);
const own = process.listeners('unhandledRejection');

beforeEach(() => {
  unhandled.length = 0;
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', note);
});
afterEach(() => {
  process.removeAllListeners('unhandledRejection');
  for (const listener of own) process.on('unhandledRejection', listener);
});

async function answerTo(query: string, rootValue: object, answerBytes = 1e9) {
  const contextValue = { budget: new AnswerBudget({ answerBytes, readBytes: 1e9 }) };
  const { data, errors } = await execute({ schema, document: parse(query), rootValue, contextValue });
  // Rejections are reported at the end of a turn.
  await setImmediate();
  await setImmediate();
  return { data, messages: errors?.map(({ message }) => message) };
}

const rejected = async (): Promise<never> => {
  throw new Error('No.');
};
const rejectedLater = async (): Promise<never> => {
  await setImmediate();
  throw new Error('No.');
};

describe('a list with elements that reject', () => {
  it('is null for the first of them, and the others are handled', async () => {
    const answer = await answerTo('{ texts }', { texts: () => [rejected(), rejectedLater(), rejected()] });
    expect(answer).toEqual({ data: { texts: null }, messages: ['No.'] });
    expect(unhandled).toEqual([]);
  });

  it('handles those behind an element that fails at once, also in lists within it', async () => {
    const numbers = () => [[new Error('First.'), rejected()], [rejectedLater()], Promise.resolve([7, rejected()])];
    expect(await answerTo('{ numbers }', { numbers })).toEqual({
      data: { numbers: [null, null, null] },
      messages: expect.arrayContaining(['First.', 'No.']),
    });
    const texts = () => [new Error('First.'), rejected(), rejectedLater()];
    expect(await answerTo('{ texts }', { texts })).toEqual({ data: { texts: null }, messages: ['First.'] });
    expect(unhandled).toEqual([]);
  });

  it('handles all of them if the answer becomes too large before they are reached', async () => {
    const texts = () => ['x'.repeat(2000), rejected(), rejectedLater()];
    const things = () => [...Array.from({ length: 200 }, () => ({ id: '1' })), rejected()];
    for (const [query, rootValue] of [
      ['{ texts }', { texts }],
      ['{ things { id } }', { things }],
    ] as const) {
      const { messages } = await answerTo(query, rootValue, 1000);
      expect(messages?.join()).toMatch(/more than 1000 bytes/);
    }
    expect(unhandled).toEqual([]);
  });

  it('handles those of a long list, whose turn comes later', async () => {
    const things = () => [...Array.from({ length: 6000 }, () => ({ id: '1' })), rejected(), rejectedLater()];
    expect(await answerTo('{ things { id } }', { things })).toEqual({ data: { things: null }, messages: ['No.'] });
    expect(unhandled).toEqual([]);
  });

  it('asks an element that is a query for its value once', async () => {
    let executed = 0;
    const query = {
      // biome-ignore lint/suspicious/noThenProperty: queries of Drizzle are thenables that are executed by `then`.
      then: (resolve: (value: string) => void) => {
        executed++;
        resolve('found');
      },
    };
    expect(await answerTo('{ texts }', { texts: () => [query] })).toEqual({ data: { texts: ['found'] } });
    expect(executed).toBe(1);
  });
});
