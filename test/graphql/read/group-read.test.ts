import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { GroupRead } from '../../../src/graphql/read/group-read.ts';

interface Statement {
  readonly keys: readonly string[];
  answer(values: Readonly<Record<string, number>>): void;
  fail(error: Error): void;
}

/** A group whose statements are answered by the test. */
function group(maxKeys = 100) {
  const statements: Statement[] = [];
  const read = new GroupRead<number>((keys) => {
    const { promise, resolve, reject } = Promise.withResolvers<ReadonlyMap<string, number>>();
    statements.push({ keys, answer: (values) => resolve(new Map(Object.entries(values))), fail: reject });
    return promise;
  }, maxKeys);
  return { statements, read };
}

const keysOf = (statements: readonly Statement[]) => statements.map(({ keys }) => keys.join());

describe('reads that are asked for together', () => {
  it('are one statement, with each key once', async () => {
    const { statements, read } = group();
    const asked = Promise.all([read.load('a'), read.load('b'), read.load('a'), read.load('missing')]);
    await setImmediate();
    expect(keysOf(statements)).toEqual(['a,b,missing']);
    statements[0]?.answer({ a: 1, b: 2 });
    expect(await asked).toEqual([1, 2, 1, null]);
  });

  it('that are too many for a statement are several', async () => {
    const { statements, read } = group(2);
    const asked = Promise.all(['a', 'b', 'c'].map((key) => read.load(key)));
    await setImmediate();
    await setImmediate();
    expect(keysOf(statements)).toEqual(['a,b', 'c']);
    statements[1]?.answer({ c: 3 });
    statements[0]?.answer({ a: 1, b: 2 });
    expect(await asked).toEqual([1, 2, 3]);
  });

  it('all fail with their statement, and those after it do not', async () => {
    const { statements, read } = group();
    const asked = Promise.allSettled([read.load('a'), read.load('b')]);
    await setImmediate();
    statements[0]?.fail(new Error('No.'));
    expect((await asked).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const again = read.load('a');
    await setImmediate();
    statements[1]?.answer({ a: 1 });
    expect(await again).toBe(1);
  });
});

describe('a read that is asked for while others are under way', () => {
  it('begins after it was asked for, although its key is being read, and with all that wait', async () => {
    const { statements, read } = group();
    const [one, two] = [read.load('a'), setImmediate().then(() => read.load('b'))];
    await setImmediate();
    await setImmediate();
    expect(keysOf(statements)).toEqual(['a', 'b']);
    const late = Promise.all([read.load('a'), read.load('c')]);
    await setImmediate();
    // What the first statement finds may be older than what the late ones have to see.
    expect(statements).toHaveLength(2);
    statements[0]?.answer({ a: 1 });
    expect(await one).toBe(1);
    await setImmediate();
    expect(keysOf(statements)).toEqual(['a', 'b', 'a,c']);
    statements[2]?.answer({ a: 2, c: 3 });
    expect(await late).toEqual([2, 3]);
    statements[1]?.answer({ b: 4 });
    expect(await two).toBe(4);
  });
});
