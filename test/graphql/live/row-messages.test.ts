import { randomUUID } from 'node:crypto';
import { type ExecutionResult, type GraphQLObjectType, parse } from 'graphql';
import { createSchema } from 'graphql-yoga';
import { beforeEach, describe, expect, it } from 'vitest';
import { sharedJsonOf } from '../../../src/graphql/answer/shared-json.ts';
import type { Context } from '../../../src/graphql/context.ts';
import { fresh, unwrap } from '../../../src/graphql/live/fresh.ts';
import { liveRow } from '../../../src/graphql/live/rows/live-row.ts';
import { ROW_MESSAGES, RowMessages } from '../../../src/graphql/live/rows/row-messages.ts';
import type { Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { Courier } from '../../../src/kernel/notify/courier.ts';
import { Turns } from '../../../src/scheduling/turns.ts';
import { counters, customer } from '../../support/kernel/counter.ts';
import { Stage } from './support.ts';

const SCHEMA = `
  type Counter { value: Int, who: String, fails: Int }
  type Query { nothing: Int }
  type Subscription { counterUpdated(id: ID!): Counter }
`;
type Messages = AsyncIterableIterator<ExecutionResult>;

let stage: Stage;
let key: string;
/** Values that were resolved, in this order. */
let resolved: number[];
let faults: unknown[];
let messages: RowMessages;
let schema: ReturnType<typeof createSchema<Context>>;
beforeEach(() => {
  stage = new Stage();
  key = randomUUID();
  stage.write(key, 1);
  resolved = [];
  faults = [];
  schema = createSchema<Context>({
    typeDefs: SCHEMA,
    resolvers: {
      Counter: {
        value: ({ value }) => {
          resolved.push(value);
          return value;
        },
        who: (_, __, { actor }) => actor?.id,
        fails: () => {
          throw new Error('The disk is full.');
        },
      },
      Subscription: {
        counterUpdated: {
          subscribe: (_: unknown, { id }: { id: string }, context: Context) =>
            fresh(context, liveRow(counters as unknown as Projection, id, undefined, context)) as never,
          resolve: (message: never) => unwrap<{ row: unknown }>(message).row,
        },
      },
    },
  });
  const field = (schema.getSubscriptionType() as GraphQLObjectType).getFields().counterUpdated;
  if (field) field.extensions = { [ROW_MESSAGES]: true, readModels: ['counters'] };
  messages = new RowMessages({
    ...{ schema, shared: stage.shared, turns: new Turns(), timeoutMs: 10_000 },
    courier: new Courier((error) => faults.push(error)),
    reportFault: (error) => {
      faults.push(error);
      return undefined;
    },
  });
});

/** Documents with the same text are one object on a server. */
const documents = new Map<string, ReturnType<typeof parse>>();
function documentOf(text: string) {
  const document = documents.get(text) ?? parse(text);
  documents.set(text, document);
  return document;
}

async function subscribe(selection: string, who = 'ada', id = key): Promise<Messages> {
  const document = documentOf(`subscription ($id: ID!) { counterUpdated(id: $id) { ${selection} } }`);
  const contextValue = stage.context({ actor: customer(who) });
  const opened = await messages.subscribe({ schema, document, variableValues: { id }, contextValue });
  if (!opened || !(Symbol.asyncIterator in opened)) throw new Error(JSON.stringify(opened));
  return opened;
}

/** Subscriptions that have had their first message. */
async function opened(...asked: Parameters<typeof subscribe>[]): Promise<Messages[]> {
  const all = await Promise.all(asked.map((each) => subscribe(...each)));
  for (const each of all) await each.next();
  resolved.length = 0;
  return all;
}

const nextOfAll = (all: readonly Messages[]) => Promise.all(all.map(async (each) => (await each.next()).value));

describe('the message of a change of a row', () => {
  it('is made and serialised once for everybody who asks the same', async () => {
    const all = await opened(['value'], ['value'], ['value']);
    const next = nextOfAll(all);
    stage.write(key, 2);
    const [first, ...others] = await next;
    expect(first.data).toEqual({ counterUpdated: { value: 2 } });
    for (const other of others) expect(sharedJsonOf(other)).toBe(sharedJsonOf(first));
    expect(JSON.parse(first.stringify())).toEqual({
      data: { counterUpdated: { value: 2 } },
      extensions: { consistency: { token: '2', stale: false } },
    });
    expect(resolved).toEqual([2]);
  });

  it('is made for each selection', async () => {
    const all = await opened(['value'], ['number: value'], ['value']);
    const next = nextOfAll(all);
    stage.write(key, 2);
    const shown = (await next).map(({ data }) => data.counterUpdated);
    expect(shown).toEqual([{ value: 2 }, { number: 2 }, { value: 2 }]);
    expect(resolved).toEqual([2, 2]);
  });

  it('is made for each actor if it shows who asks', async () => {
    const all = await opened(['value who', 'ada'], ['value who', 'bob'], ['value who', 'ada']);
    const next = nextOfAll(all);
    stage.write(key, 2);
    const shown = (await next).map(({ data }) => data.counterUpdated.who);
    expect(shown).toEqual(['ada', 'bob', 'ada']);
    expect(resolved).toEqual([2, 2]);
  });

  it('reports a fault once, masked, and goes on', async () => {
    const all = await opened(['value fails'], ['value fails']);
    faults.length = 0;
    for (const value of [2, 3]) {
      const next = nextOfAll(all);
      stage.write(key, value);
      for (const { data, errors } of await next) {
        expect(data).toEqual({ counterUpdated: { value, fails: null } });
        expect(errors).toMatchObject([
          { path: ['counterUpdated', 'fails'], extensions: { code: 'INTERNAL_SERVER_ERROR' } },
        ]);
        expect(errors[0].message).not.toContain('disk');
      }
    }
    expect(faults).toHaveLength(2);
  });

  it('is the newest for one who reads late', async () => {
    const [late] = await opened(['value']);
    stage.write(key, 2);
    const [other] = await opened(['value']);
    const next = other?.next();
    stage.write(key, 3);
    expect((await next)?.value.data).toEqual({ counterUpdated: { value: 3 } });
    expect((await late?.next())?.value.data).toEqual({ counterUpdated: { value: 3 } });
  });

  it('is an error for one who may not see the row, and ends their subscription alone', async () => {
    const [seen] = await opened(['value']);
    const refused = await subscribe('value', 'ada', randomUUID());
    expect((await refused.next()).value.errors).toMatchObject([
      { message: expect.stringContaining('that you may see') },
    ]);
    expect((await refused.next()).done).toBe(true);
    const next = seen?.next();
    stage.write(key, 2);
    expect((await next)?.value.data).toEqual({ counterUpdated: { value: 2 } });
  });
});
