import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { GraphQLScalarType, GraphQLSchema, type OperationDefinitionNode, parse } from 'graphql';
import { beforeEach, describe, expect, it } from 'vitest';
import { OperationConsistency } from '../../../src/graphql/consistency/operation-consistency.ts';
import { awaitTokens, withReadAfter } from '../../../src/graphql/consistency/read-after.ts';
import type { Context } from '../../../src/graphql/context.ts';
import { unobservedApi } from '../../../src/graphql/observe.ts';
import { RunningOperation } from '../../../src/graphql/running-operation.ts';
import { Positions } from '../../../src/kernel/consistency/positions.ts';
import { Tokens } from '../../../src/kernel/consistency/token.ts';
import type { Engine } from '../../../src/kernel/engine.ts';
import { until } from '../../support/until.ts';

const schema = withReadAfter(new GraphQLSchema({ types: [new GraphQLScalarType({ name: 'ConsistencyToken' })] }));
const tokens = new Tokens(randomUUID());
const header = (...positions: number[]) => positions.map((position) => tokens.encode(position)).join(',');
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

let positions: Positions;
let head: { position: number };
/** The end of the log that a refresh of the head would find. */
let end: number;
let looks: number;

beforeEach(() => {
  positions = new Positions(['a', 'b'], 3);
  head = { position: 1000 };
  end = 1000;
  looks = 0;
});

/** Reads `a` and `b`. */
function read({ directives = '', header: sent = '', touched = ['a', 'b'] }) {
  const look = async () => {
    looks++;
    await turn();
    head.position = Math.max(head.position, end);
  };
  const engine = { tokens, readSide: { positions }, projector: { head, refreshHead: look, status: () => [] } };
  const consistency = new OperationConsistency(engine as unknown as Engine);
  const operation = parse(`query ${directives} { a }`).definitions[0] as OperationDefinitionNode;
  const running = new RunningOperation(undefined, undefined);
  const context = { engine, consistency, observer: unobservedApi, operation: running } as unknown as Context;
  const done = awaitTokens({ schema, variableValues: {} }, operation, touched, sent, context);
  return { done, consistency };
}

describe('a query with many tokens', () => {
  it('takes one wait for each read model', async () => {
    const { done } = read({ header: header(...upTo(400)) });
    await until(() => positions.waiting === 2);
    positions.advance('a', 400);
    positions.advance('b', 399);
    await until(() => positions.waiting === 1);
    positions.advance('b', 400);
    await done;
  });

  it('does so even if each is waited for as long as it says', async () => {
    const directives = upTo(100)
      .map((n) => `@readAfter(token: "${tokens.encode(n)}", timeoutMs: ${5000 + n})`)
      .join(' ');
    const { done, consistency } = read({ directives, header: header(101) });
    await until(() => positions.waiting === 2);
    positions.advance('a', 101);
    positions.advance('b', 101);
    await done;
    expect(consistency.isStale).toBe(false);
    expect(tokens.decode(consistency.token)).toBe(101);
  });

  it('waits on for a read model that went back while another was waited for', async () => {
    const { done, consistency } = read({ header: header(5) });
    await until(() => positions.waiting === 2);
    positions.advance('a', 5);
    await until(() => positions.waiting === 1);
    positions.retreat('a', 0);
    positions.advance('b', 5);
    // Only once both are there it sees that one went back, and waits again.
    await until(() => positions.isAwaited('a'));
    // As long as it has read nothing, its token is the end of the log.
    expect(tokens.decode(consistency.token)).toBe(head.position);
    positions.advance('a', 6);
    await done;
    expect(consistency.isStale).toBe(false);
    expect(tokens.decode(consistency.token)).toBe(5);
  });

  it('looks once at the log if it knows of none of them', async () => {
    end = 1400;
    const { done } = read({ header: header(...upTo(400).map((n) => 1000 + n)), touched: [] });
    await done;
    expect(looks).toBe(1);
  });

  it('is refused if the log does not reach one of them', async () => {
    end = 1399;
    const { done } = read({ header: header(...upTo(400).map((n) => 1000 + n)), touched: [] });
    await expect(done).rejects.toMatchObject({ code: 'TOKEN_AHEAD' });
    expect(looks).toBe(1);
  });

  const readAfter = (position: number, rest: string) => `@readAfter(token: "${tokens.encode(position)}", ${rest})`;

  it('holds each to its own time, and answers what there is only for those that allow it', async () => {
    positions.advance('a', 5);
    const stale = readAfter(9, 'timeoutMs: 5, onTimeout: STALE');
    const first = read({ directives: `${stale} ${readAfter(5, 'timeoutMs: 5')}`, touched: ['a'] });
    await first.done;
    expect(first.consistency.isStale).toBe(true);
    const second = read({ directives: `${stale} ${readAfter(6, 'timeoutMs: 10')}`, touched: ['a'] });
    await expect(second.done).rejects.toMatchObject({ code: 'CONSISTENCY_TIMEOUT', required: 6, current: 5 });
    const third = read({ directives: `${readAfter(8, 'timeoutMs: 5000')} ${stale}`, touched: ['a'] });
    positions.advance('a', 8);
    await third.done;
    expect(third.consistency.isStale).toBe(true);
  });
});

it('a query that is refused for want of room waits for nothing any more', async () => {
  const waits = [read({ header: header(1) }), read({ header: header(1) })];
  await expect(waits[1]?.done).rejects.toMatchObject({ code: 'THROTTLED' });
  await until(() => positions.waiting === 2);
  positions.advance('a', 1);
  positions.advance('b', 1);
  await waits[0]?.done;
  expect(positions.waiting).toBe(0);
});
