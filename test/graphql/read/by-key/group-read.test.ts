import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { GroupRead } from '../../../../src/graphql/read/by-key/group-read.ts';

interface Statement {
  readonly keys: readonly string[];
  answer(values: Readonly<Record<string, number>>): void;
  fail(error: Error): void;
}

/** A group whose statements are answered by the test. A value stands for its bytes. */
function group(keys = 100, bytes = 1e6) {
  const statements: Statement[] = [];
  const read = new GroupRead<number>(
    (keys) => {
      const { promise, resolve, reject } = Promise.withResolvers<ReadonlyMap<string, number>>();
      statements.push({ keys, answer: (values) => resolve(new Map(Object.entries(values))), fail: reject });
      return promise;
    },
    { keys, bytes, bytesOf: (value) => value },
  );
  return { statements, load: (key: string, caller = 'ada') => read.load(key, caller) };
}

const keysOf = (statements: readonly Statement[]) => statements.map(({ keys }) => keys.join());

describe('reads that are asked for together', () => {
  it('are one statement, with each key once', async () => {
    const { statements, load } = group();
    const asked = Promise.all([load('a'), load('b'), load('a'), load('missing')]);
    await setImmediate();
    expect(keysOf(statements)).toEqual(['a,b,missing']);
    statements[0]?.answer({ a: 1, b: 2 });
    expect(await asked).toEqual([1, 2, 1, null]);
  });

  it('that are too many for a statement are several', async () => {
    const { statements, load } = group(2);
    const asked = Promise.all(['a', 'b', 'c'].map((key) => load(key)));
    await setImmediate();
    await setImmediate();
    expect(keysOf(statements)).toEqual(['a,b', 'c']);
    statements[1]?.answer({ c: 3 });
    statements[0]?.answer({ a: 1, b: 2 });
    expect(await asked).toEqual([1, 2, 3]);
  });

  it('all fail with the connection of their statement, and those after it do not', async () => {
    const { statements, load } = group();
    const asked = Promise.allSettled([load('a'), load('b')]);
    await setImmediate();
    statements[0]?.fail(Object.assign(new Error('lost'), { code: 'CONNECTION_CLOSED' }));
    expect((await asked).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(statements).toHaveLength(1);
    const again = load('a');
    await setImmediate();
    await setImmediate();
    statements[1]?.answer({ a: 1 });
    expect(await again).toBe(1);
  });
});

describe('a read that is asked for while others are under way', () => {
  it('begins after it was asked for, although its key is being read, and with all that wait', async () => {
    const { statements, load } = group();
    const [one, two] = [load('a'), setImmediate().then(() => load('b'))];
    await setImmediate();
    await setImmediate();
    expect(keysOf(statements)).toEqual(['a', 'b']);
    const late = Promise.all([load('a'), load('c')]);
    await setImmediate();
    // What the first statement finds may be older than what the late ones have to see.
    expect(statements).toHaveLength(2);
    statements[0]?.answer({ a: 1 });
    expect(await one).toBe(1);
    await setImmediate();
    await setImmediate();
    expect(keysOf(statements)).toEqual(['a', 'b', 'a,c']);
    statements[2]?.answer({ a: 2, c: 3 });
    expect(await late).toEqual([2, 3]);
    statements[1]?.answer({ b: 4 });
    expect(await two).toBe(4);
  });
});

describe('a statement that fails', () => {
  const refused = Object.assign(new Error('invalid input syntax'), { code: '22P02' });

  it('because of one key is divided, so that only who asked for that key is refused', async () => {
    const { statements, load } = group();
    const asked = Promise.allSettled(['a', 'b', 'bad', 'd', 'e'].map((key) => load(key, `caller of ${key}`)));
    for (let nth = 0; nth < 100 && statements.length < 7; nth++) {
      await setImmediate();
      for (const { keys, fail, answer } of statements) {
        if (keys.includes('bad')) fail(refused);
        else answer(Object.fromEntries(keys.map((key) => [key, 7])));
      }
    }
    expect((await asked).map(({ status }) => status)).toEqual([
      ...['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    ]);
  });

  it('because it takes too long is divided', async () => {
    const { statements, load } = group();
    const asked = Promise.all([load('a'), load('b')]);
    await setImmediate();
    statements[0]?.fail(Object.assign(new Error('statement timeout'), { code: '57014' }));
    await setImmediate();
    statements[1]?.answer({ a: 1 });
    await setImmediate();
    statements[2]?.answer({ b: 2 });
    expect(await asked).toEqual([1, 2]);
  });

  it('whatever it reads is divided into a bounded number of statements', async () => {
    const { statements, load } = group(1000, 1e9);
    let isSettled = false;
    const asked = Promise.allSettled(Array.from({ length: 1000 }, (_, nth) => load(`${nth}`))).finally(() => {
      isSettled = true;
    });
    while (!isSettled) {
      await setImmediate();
      statements.at(-1)?.fail(refused);
    }
    expect((await asked).every(({ status }) => status === 'rejected')).toBe(true);
    expect(statements.length).toBeLessThanOrEqual(64);
  });
});

describe('callers who ask for many keys', () => {
  it('take turns with those who ask for few', async () => {
    const { statements, load } = group(4);
    const many = Array.from({ length: 20 }, (_, nth) => load(`${nth}`, 'ada'));
    const few = [load('x', 'bob'), load('19', 'eve'), load('0', 'bob')];
    await setImmediate();
    expect(keysOf(statements)).toEqual(['0,x,19,1']);
    statements[0]?.answer({ 0: 1, x: 2, 19: 3 });
    expect(await Promise.all([...few, many[0], many[19]])).toEqual([2, 3, 1, 1, 3]);
  });

  it('are answered all that they asked for, each key read once', async () => {
    const { statements, load } = group(3);
    const asked = ['ada', 'bob', 'ada', 'eve'].flatMap((caller) =>
      ['a', 'b', 'c', 'd'].map((key) => load(key, caller)),
    );
    await setImmediate();
    await setImmediate();
    for (const { answer } of statements) answer({ a: 1, b: 2, c: 3, d: 4 });
    expect(await Promise.all(asked)).toEqual([1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]);
    expect(statements.flatMap(({ keys }) => keys).toSorted()).toEqual(['a', 'b', 'c', 'd']);
  });
});

it('reads large values a few at a time once it has seen some', async () => {
  const { statements, load } = group(100, 1000);
  const first = load('a');
  await setImmediate();
  statements[0]?.answer({ a: 5000 });
  expect(await first).toBe(5000);
  const large = Promise.all([load('b'), load('c')]);
  await setImmediate();
  await setImmediate();
  expect(keysOf(statements)).toEqual(['a', 'b', 'c']);
  for (const { answer } of statements.slice(1)) answer({ b: 1, c: 1 });
  expect(await large).toEqual([1, 1]);
  // Small ones again, bit by bit.
  for (let nth = 0; nth < 40; nth++) {
    const small = load('d');
    await setImmediate();
    statements.at(-1)?.answer({ d: 1 });
    await small;
  }
  const many = Promise.all(['e', 'f', 'g'].map((key) => load(key)));
  await setImmediate();
  expect(statements.at(-1)?.keys).toEqual(['e', 'f', 'g']);
  statements.at(-1)?.answer({});
  expect(await many).toEqual([null, null, null]);
});
