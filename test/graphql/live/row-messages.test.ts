import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { type ExecutionResult, GraphQLError } from 'graphql';
import { beforeEach, describe, expect, it } from 'vitest';
import { sharedJsonOf } from '../../../src/graphql/answer/shared-json.ts';
import { RowMessages } from '../../../src/graphql/live/rows/row-messages.ts';
import { Courier } from '../../../src/kernel/notify/courier.ts';
import { Turns } from '../../../src/scheduling/turns.ts';
import { customer } from '../../support/kernel/counter.ts';
import { delaysInto } from '../../support/kernel/observers.ts';
import { until } from '../../support/until.ts';
import { counterSchema, documentOf } from './counter-schema.ts';
import { Stage } from './support.ts';

type Messages = AsyncIterableIterator<ExecutionResult>;

let stage: Stage;
let key: string;
/** Values that were resolved, in this order. */
let resolved: number[];
let faults: unknown[];
/** Whose shares the executions used, in this order. */
let payers: string[];
/** Callers for whom `flaky` has no room, and how often it still fails for everybody. */
let refused: ReadonlySet<string>;
let failures: number;
/** What happens while `fails` is resolved. */
let whileFailing: (() => Promise<void>) | undefined;
let messages: RowMessages;
let schema: ReturnType<typeof counterSchema>;
beforeEach(() => {
  stage = new Stage();
  key = randomUUID();
  stage.write(key, 1);
  resolved = [];
  faults = [];
  payers = [];
  refused = new Set();
  failures = 0;
  whileFailing = undefined;
  schema = counterSchema({
    value: ({ value }, _, { caller }) => {
      resolved.push(value);
      payers.push(caller);
      return value;
    },
    who: (_, __, { actor }) => actor?.id,
    fails: async () => {
      await whileFailing?.();
      throw new Error('The disk is full.');
    },
    flaky: ({ value }, _, { caller }) => {
      if (refused.has(caller)) throw new GraphQLError('No room.', { extensions: { code: 'THROTTLED' } });
      if (failures-- > 0) throw new Error('The disk is full.');
      return value;
    },
    isOf: () => true,
  });
  messages = rowMessages(true);
});

function rowMessages(suggestions: boolean): RowMessages {
  return new RowMessages({
    ...{ schema, shared: stage.shared, turns: new Turns(), timeoutMs: 10_000, suggestions, waitMs: 0 },
    courier: new Courier(delaysInto(faults)),
    reportFault: (error) => {
      faults.push(error);
      return undefined;
    },
  });
}

/** Documents with the same text are one object on a server. */
function subscribe(selection: string, who = 'ada', id = key, correlationId = 'test'): Promise<Messages> {
  return subscribeTo(
    `subscription ($id: ID!) { counterUpdated(id: $id) { ${selection} } }`,
    { id },
    who,
    correlationId,
  );
}

async function subscribeTo(
  text: string,
  variableValues: Readonly<Record<string, unknown>>,
  who = 'ada',
  correlationId = 'test',
): Promise<Messages> {
  const contextValue = stage.context({ actor: customer(who), correlationId });
  const opened = await messages.subscribe({ schema, document: documentOf(text), variableValues, contextValue });
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
    stage.positions.advance('others', 1000);
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

  it('repeats a fault, tells everybody of it once, masked, and goes on', async () => {
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
    // Each message was tried three times.
    expect(faults).toHaveLength(6);
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

describe('the message of a change of a row that several callers get', () => {
  const tokenOf = ({ extensions }: ExecutionResult) => Number(Object(extensions?.consistency).token);

  it('is made once for different tokens, names and layouts', async () => {
    const texts = [
      'subscription ($id: ID!) { counterUpdated(id: $id) { value } }',
      'subscription Another($id: ID!, $after: String) { counterUpdated(id: $id, after: $after) { ...Shown } } fragment Shown on Counter { value }',
      'subscription Third($after: String, $id: ID!) { counterUpdated(after: $after, id: $id) {\n value } }',
      'subscription ($id: ID!) { counterUpdated(id: $id, after: "1") { value } }',
      'subscription Another($id: ID!, $after: String) { counterUpdated(id: $id, after: $after) { ...Shown } } fragment Shown on Counter { value }',
    ];
    stage.move({ projection: 'others' });
    const all = await Promise.all(texts.map((text, after) => subscribeTo(text, { id: key, after: String(after % 2) })));
    for (const each of all) await each.next();
    resolved.length = 0;
    const next = nextOfAll(all);
    stage.write(key, 2);
    for (const { data } of await next) expect(data).toEqual({ counterUpdated: { value: 2 } });
    // A fragment is part of what is asked for; nothing else that differs here is.
    expect(resolved).toEqual([2, 2]);
  });

  it('is never older than the one before, also if it was made for somebody else', async () => {
    const [quick] = await opened(['value flaky']);
    failures = 1;
    const slow = await subscribe('value flaky', 'bob');
    const first = slow.next();
    await until(() => failures === 0);
    const next = quick?.next();
    stage.write(key, 2);
    expect(tokenOf((await next)?.value)).toBe(0);
    stage.move({ projection: 'others' });
    const before = tokenOf((await first).value);
    expect(before).toBeGreaterThan(0);
    const { value } = await slow.next();
    expect(value.data.counterUpdated.value).toBe(2);
    expect(tokenOf(value)).toBeGreaterThanOrEqual(before);
  });

  it("uses shares that are nobody's alone, and those of a caller who is alone", async () => {
    const all = await opened(['value'], ['value', 'bob']);
    payers.length = 0;
    const shared = nextOfAll(all);
    stage.write(key, 2);
    await shared;
    await all[1]?.return?.();
    const alone = all[0]?.next();
    stage.write(key, 3);
    await alone;
    const caller = stage.context({ actor: customer('ada') }).caller;
    expect(payers).toEqual([expect.stringMatching(/^row messages of /), caller]);
  });

  it('is no refusal because of what one of them has used up', async () => {
    const all = await opened(['value flaky'], ['value flaky', 'bob']);
    refused = new Set(['ada', 'bob'].map((who) => stage.context({ actor: customer(who) }).caller));
    refused = new Set([...refused, `row messages of ${[...refused][0]}`]);
    const next = nextOfAll(all);
    stage.write(key, 2);
    for (const { data, errors } of await next) {
      expect(errors).toBeUndefined();
      expect(data).toEqual({ counterUpdated: { value: 2, flaky: 2 } });
    }
  });

  it('is made again for those who read a failure late', async () => {
    const [quick, slow] = await opened(['value flaky'], ['value flaky', 'bob']);
    failures = 3;
    const next = quick?.next();
    stage.write(key, 2);
    expect((await next)?.value.errors).toHaveLength(1);
    const { value } = (await slow?.next()) ?? {};
    expect(value.errors).toBeUndefined();
    expect(value.data).toEqual({ counterUpdated: { value: 2, flaky: 2 } });
  });

  it('has no correlation id in its errors that somebody else has chosen', async () => {
    const adas = await subscribe('fails', 'ada', key, 'chosen by Ada');
    const bobs = await subscribe('fails', 'bob', key, 'chosen by Bob');
    const [ada, bob] = await Promise.all([adas.next(), bobs.next()]);
    expect(ada.value.errors).toHaveLength(1);
    expect(JSON.stringify(ada.value.errors)).not.toContain('Bob');
    expect(bob.value.errors).toHaveLength(1);
    expect(JSON.stringify(bob.value.errors)).not.toContain('Ada');
  });

  it('has no correlation id of somebody else for those who come while it is made', async () => {
    const people = ['ada', 'bob', 'cecil'].map((who) => subscribe('fails', who, key, `chosen by ${who}`));
    const [adas, ...others] = await Promise.all(people);
    await nextOfAll([adas as Messages, ...others]);
    const joined: Promise<IteratorResult<ExecutionResult>>[] = [];
    let attempts = 0;
    whileFailing = async () => {
      // During the last attempt of the message that Ada alone has asked for.
      if (++attempts !== 3) return;
      for (const other of others) joined.push(other.next());
      await setImmediate();
    };
    const first = adas?.next();
    stage.write(key, 2);
    expect(JSON.stringify((await first)?.value.errors)).toContain('chosen by ada');
    expect(joined).toHaveLength(2);
    for (const { value } of await Promise.all(joined)) {
      expect(value.errors).toHaveLength(1);
      expect(JSON.stringify(value.errors)).not.toContain('chosen by');
    }
    // Once for Ada, and once for both of the others.
    expect(attempts).toBe(6);
  });
});

it.each([true, false])('suggests names for a wrong variable only if it may: %s', async (suggestions) => {
  messages = rowMessages(suggestions);
  const text = 'subscription ($id: ID!, $kinds: [Kind!]) { counterUpdated(id: $id) { isOf(kinds: $kinds) } }';
  const refusal = await subscribeTo(text, { id: key, kinds: Array(40).fill('SMAL') }).catch(String);
  if (typeof refusal !== 'string') throw new Error('The subscription was not refused.');
  expect(refusal.includes('Did you mean')).toBe(suggestions);
  expect(refusal.match(/SMAL/g)?.length).toBeLessThan(40);
});
