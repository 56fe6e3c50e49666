import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { buildSchema, execute as graphqlJs, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { AnswerBudget } from '../../../src/graphql/answer/budget.ts';
import { execute } from '../../../src/graphql/execution/execute.ts';

const budget = () => new AnswerBudget({ answerBytes: 1e9, readBytes: 1e9 });

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes of the heap that are in use after a garbage collection. */
async function usedBytes(): Promise<number> {
  await setImmediate();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

describe('the plan of an operation', () => {
  it('does not keep the context, the variables or the rows of its first run', async () => {
    const schema = buildSchema('type Query { rows(of: String): [Row!] } type Row { id: ID! part: Row }');
    const document = parse(`query ($of: String, $no: Boolean!) {
      rows(of: $of) { id ... @skip(if: $no) { part { id } } }
    }`);
    const runOnce = async () => {
      const row = { id: '1', part: { id: '2' } };
      const contextValue = { budget: budget() };
      const rootValue = { rows: async () => [row] };
      const args = { schema, document, rootValue, contextValue, variableValues: { of: 'a', no: false } };
      expect(await execute(args)).toEqual({ data: { rows: [{ id: '1', part: { id: '2' } }] } });
      return [row, contextValue, rootValue].map((held) => new WeakRef<object>(held));
    };
    const held = await runOnce();
    const left = () => held.filter((each) => each.deref() !== undefined).length;
    // A WeakRef holds its object until the end of the turn in which it was made, and the stack may hold it longer.
    for (let turn = 0; turn < 20 && left() > 0; turn++) await usedBytes();
    expect(left()).toBe(0);
    // The plan was kept for as long as the document and the schema.
    expect(validate(schema, document)).toEqual([]);
  });

  it('does not depend on what other operations of the document call a condition', async () => {
    const schema = buildSchema('type Query { a: Int echo(s: String, t: String): String }');
    const rootValue = { a: 1, echo: ({ s, t }: { s: string; t: string }) => `${s} ${t}` };
    const document = parse(`
      query Other($s: Boolean!, $b: Boolean!, $t: Boolean!) { a @skip(if: $s) b: a @skip(if: $b) c: a @skip(if: $t) }
      query Asked($s: String, $b: Boolean!, $t: String) { a @skip(if: $b) echo(s: $s, t: $t) }`);
    for (const variableValues of [
      { s: 'x,true', b: false, t: 'y' },
      { s: 'x', b: true, t: 'false,y' },
    ]) {
      const args = { schema, document, rootValue, variableValues, operationName: 'Asked' };
      expect(await execute({ ...args, contextValue: { budget: budget() } })).toEqual(await graphqlJs(args));
    }
  });

  it('depends on the conditions in fragments that its fragments spread', async () => {
    const schema = buildSchema('type Query { a: Int b: Int }');
    const rootValue = { a: 1, b: 2 };
    const document = parse(`query ($with: Boolean!) { ...F }
      fragment F on Query { a ...G } fragment G on Query { b @include(if: $with) }`);
    for (const withB of [true, false, true]) {
      const args = { schema, document, rootValue, variableValues: { with: withB } };
      expect(await execute({ ...args, contextValue: { budget: budget() } })).toEqual(await graphqlJs(args));
    }
  });

  it('takes little memory, however often it is run with other values of its conditions', async () => {
    const schema = buildSchema('type Query { a: Int s(s: String): Int }');
    const conditions = Array.from({ length: 12 }, (_, nth) => `c${nth}`);
    const document = parse(`
      query Other($s: Boolean!) { a @skip(if: $s) }
      query Asked($s: String, ${conditions.map((name) => `$${name}: Boolean!`).join()}) {
        s(s: $s) ${conditions.map((name) => `${name}: a @skip(if: $${name})`).join(' ')}
      }`);
    const selectedBy = async (run: number) => {
      const values = conditions.map((name, nth) => [name, ((run >> nth) & 1) === 1]);
      const variableValues = { ...Object.fromEntries(values), s: `${run} `.repeat(200) };
      const rootValue = { a: 1, s: 2 };
      const contextValue = { budget: budget() };
      const args = { schema, document, rootValue, contextValue, variableValues, operationName: 'Asked' };
      return Object.keys((await execute(args)).data ?? {});
    };
    const before = await usedBytes();
    for (let run = 0; run < 2 ** conditions.length; run++) {
      const selected = await selectedBy(run);
      expect(selected).toEqual(['s', ...conditions.filter((_, nth) => ((run >> nth) & 1) === 0)]);
    }
    expect((await usedBytes()) - before).toBeLessThan(4_000_000);
    // The plans are kept as long as this is used.
    expect(await selectedBy(0)).toEqual(['s', ...conditions]);
  });
});
