import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { LiveSubscriber } from '../../../src/graphql/live-queries/subscriber.ts';
import { until } from '../../support/until.ts';
import { LiveQueryStage } from './support.ts';

const ID = randomUUID();
const TEXT = `subscription { live { text(id: "${ID}") } }`;
const VALUE = `subscription { live { value(id: "${ID}") } }`;

/** The data of the next message. */
async function dataOf(subscriber: LiveSubscriber): Promise<unknown> {
  const { value } = await subscriber.next();
  if (!value?.data) throw new Error(`This is no data: ${JSON.stringify(value)}`);
  return structuredClone(value.data.live);
}

describe('a subscriber who is refused while its client does not read', () => {
  async function refused() {
    const stage = new LiveQueryStage();
    stage.write(ID, 1);
    const subscriber = await stage.subscribe(TEXT, { bytes: 100_000 });
    await dataOf(subscriber);
    stage.write(ID, 100_000);
    await until(() => stage.queries.subscribers === 0);
    return { stage, subscriber };
  }

  it('leaves nothing behind, and gets the error when its client reads', async () => {
    const { stage, subscriber } = await refused();
    expect(stage.queries.size).toBe(0);
    expect(stage.hub.size).toBe(0);
    const { value } = await subscriber.next();
    expect(value?.errors).toMatchObject([{ code: 'BAD_USER_INPUT' }]);
    expect(await subscriber.next()).toEqual({ done: true, value: undefined });
  });

  it('does not take away what others who ask the same have by then', async () => {
    const { stage, subscriber } = await refused();
    const other = await stage.subscribe(TEXT, { bytes: 10_000_000 });
    await dataOf(other);
    await subscriber.next();
    await subscriber.next();
    expect(stage.queries).toMatchObject({ size: 1, subscribers: 1 });
    stage.write(ID, 2);
    expect(await dataOf(other)).toEqual({ text: 'xx' });
    await other.return();
    expect(stage.queries).toMatchObject({ size: 0, subscribers: 0 });
  });
});

describe('a live query after the log has lost its last events', () => {
  it('looks less and less often whether the log is as long again, and then goes on', async () => {
    const stage = new LiveQueryStage();
    stage.write(ID, 1);
    stage.move();
    const subscriber = await stage.subscribe(VALUE);
    expect(await dataOf(subscriber)).toEqual({ value: 1 });
    const looks: number[] = [];
    let position = 1;
    Object.defineProperty(stage.head, 'position', {
      get: () => {
        looks.push(performance.now());
        return position;
      },
    });
    stage.write(ID, 2);
    const next = dataOf(subscriber);
    await until(() => looks.length >= 4);
    const [first = 0, , , fourth = 0] = looks;
    expect(fourth - first).toBeGreaterThan(300);
    position = 3;
    expect(await next).toEqual({ value: 2 });
  });
});

describe('a live query that shows several read models', () => {
  it('waits for those that are behind, so that no token is before what its message shows', async () => {
    const stage = new LiveQueryStage();
    stage.positions.advance('others', 1);
    stage.write(ID, 1);
    const subscriber = await stage.subscribe(`subscription { live { both(id: "${ID}") } }`);
    await dataOf(subscriber);
    stage.write(ID, 2);
    const next = subscriber.next();
    await until(() => stage.positions.waiting === 1);
    stage.positions.advance('others', 2);
    const { value } = await next;
    expect(structuredClone(value?.data)).toEqual({ live: { both: 2 } });
    expect(value?.extensions).toMatchObject({ consistency: { token: '2' } });
  });
});

describe('subscribers of one document', () => {
  const given = 'subscription ($number: Int) { live { given(number: $number) } }';
  const opened = 'subscription ($secret: Secret) { live { opened(secret: $secret) } }';

  it('have an answer of their own if one sends null and the other sends nothing', async () => {
    const stage = new LiveQueryStage();
    const subscribers = [await stage.subscribe(given, { variables: { number: null } }), await stage.subscribe(given)];
    const answers = await Promise.all(subscribers.map(dataOf));
    expect(answers).toEqual([{ given: 'null' }, { given: 'nothing' }]);
  });

  it('have an answer of their own if their values differ, also if that cannot be seen after parsing', async () => {
    const stage = new LiveQueryStage();
    const secrets = ['a', 'b'];
    const subscribers = secrets.map((secret) => stage.subscribe(opened, { variables: { secret } }));
    const answers = await Promise.all(subscribers.map(async (subscriber) => dataOf(await subscriber)));
    expect(answers).toEqual(secrets.map((secret) => ({ opened: secret })));
  });
});

describe('a live query that people share', () => {
  it('shows a newcomer the answer now, and not what it was when the others wanted one', async () => {
    const stage = new LiveQueryStage();
    stage.write(ID, 1);
    const rare = `subscription { live(everyMs: 3600000) { value(id: "${ID}") } }`;
    await dataOf(await stage.subscribe(rare));
    stage.write(ID, 2);
    expect(await dataOf(await stage.subscribe(rare))).toEqual({ value: 2 });
  });

  it('uses the same shares as all others that the one who pays for it shares with anybody', async () => {
    const stage = new LiveQueryStage();
    const [payer, ...others] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((address) => ({ actor: null, address }));
    for (const [nth, other] of others.entries()) {
      const text = `subscription { live { ${`value${nth}`}: value(id: "${ID}") } }`;
      const shared = await Promise.all([payer, other].map((caller) => stage.subscribe(text, { caller: caller ?? {} })));
      await Promise.all(shared.map(dataOf));
    }
    stage.payers.length = 0;
    stage.write(ID, 1);
    await until(() => stage.payers.length === others.length);
    expect(new Set(stage.payers).size).toBe(1);
    expect(stage.payers).not.toContain(stage.context(payer).caller);
  });

  it('does not wait for all the others of the one who came first', async () => {
    const stage = new LiveQueryStage({ atOnce: 1 });
    const busy = { actor: null, address: '192.0.2.1' };
    const other = { actor: null, address: '192.0.2.2' };
    const slow = (nth: number) => `subscription { live { slow(id: "${ID}", nth: ${nth}) } }`;
    stage.write(ID, 1);
    for (const nth of [1, 2, 3, 4, 5]) await dataOf(await stage.subscribe(slow(nth), { caller: busy }));
    const shared = await Promise.all([busy, other].map((caller) => stage.subscribe(slow(6), { caller })));
    await Promise.all(shared.map(dataOf));
    const answered = performance.now();
    // All of them may be executed again.
    await until(() => performance.now() > answered + 100);
    stage.begun.length = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    stage.gate = promise;
    stage.write(ID, 2);
    await until(() => stage.begun.length > 0);
    resolve();
    await Promise.all(shared.map(dataOf));
    expect(stage.begun.indexOf(6)).toBeLessThanOrEqual(2);
  });
});

describe('a live query that reads much', () => {
  it('is charged to the one who pays for it, and rests when they have used up their limit, until others want it', async () => {
    const stage = new LiveQueryStage();
    stage.write(ID, 50_000);
    const charged: number[] = [];
    const charge = async (bytes: number) => {
      charged.push(bytes);
      return 3_600_000;
    };
    const busy = await stage.subscribe(TEXT, { caller: { actor: null, address: '192.0.2.1' }, charge });
    await dataOf(busy);
    await until(() => charged.length > 0);
    expect(charged[0]).toBeGreaterThan(0);
    stage.write(ID, 1);
    const next = dataOf(busy);
    const written = performance.now();
    // Long enough for an execution, if there were one.
    await until(() => performance.now() > written + 300);
    expect(charged).toHaveLength(1);
    const paid: number[] = [];
    const pay = async (bytes: number) => {
      paid.push(bytes);
      return 0;
    };
    const other = await stage.subscribe(TEXT, { caller: { actor: null, address: '192.0.2.2' }, charge: pay });
    expect(await dataOf(other)).toEqual({ text: 'x' });
    expect(await next).toEqual({ text: 'x' });
    await until(() => paid.length === 1);
    expect(charged).toHaveLength(1);
  });

  it('is paid by those who share it in turn, and rests when all of them have used up their limit', async () => {
    const stage = new LiveQueryStage();
    stage.write(ID, 1);
    const paid: string[] = [];
    const subscribe = (address: string) =>
      stage.subscribe(TEXT, {
        caller: { actor: null, address },
        charge: async () => {
          paid.push(address);
          return 3_600_000;
        },
      });
    const all = await Promise.all(['192.0.2.1', '192.0.2.2'].map(subscribe));
    await Promise.all(all.map(dataOf));
    await until(() => paid.length === 1);
    for (const length of [2, 3]) {
      stage.write(ID, length);
      const written = performance.now();
      const next = all.map(dataOf);
      if (length === 2) await Promise.all(next);
      // Long enough for an execution, if there were one.
      else await until(() => performance.now() > written + 300);
    }
    expect(paid).toEqual(['192.0.2.1', '192.0.2.2']);
  });
});
