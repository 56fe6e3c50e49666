import { randomUUID } from 'node:crypto';
import type { ExecutionResult } from 'graphql';
import { beforeEach, describe, expect, it } from 'vitest';
import { RowMessages } from '../../../src/graphql/live/rows/row-messages.ts';
import { Courier } from '../../../src/kernel/notify/courier.ts';
import { Turns } from '../../../src/scheduling/turns.ts';
import { customer } from '../../support/kernel/counter.ts';
import { delaysInto } from '../../support/kernel/observers.ts';
import { until } from '../../support/until.ts';
import { counterSchema, documentOf } from './counter-schema.ts';
import { Stage } from './support.ts';

let stage: Stage;
let key: string;
/** Values that were resolved, in this order. */
let resolved: number[];
/** How often the execution of a message still fails. */
let failures: number;
/** What was waited for since the first message, and on whose account. */
let waits: unknown[];
beforeEach(() => {
  stage = new Stage();
  key = randomUUID();
  stage.write(key, 1);
  stage.positions.advance('others', 1);
  resolved = [];
  failures = 0;
  waits = [];
  const { positions } = stage;
  const reached = positions.reached.bind(positions);
  positions.reached = (projection, position, options = {}) => {
    const { as, caller } = options;
    if (positions.of(projection) < position) waits.push({ projection, as, caller });
    return reached(projection, position, options);
  };
});

/** A subscription that has had its first message. @param waitMs how long its messages wait for other read models. */
async function opened(waitMs?: number): Promise<AsyncIterableIterator<ExecutionResult>> {
  const schema = counterSchema({
    value: ({ value }) => {
      resolved.push(value);
      if (failures-- > 0) throw new Error('The disk is full.');
      return value;
    },
  });
  const messages = new RowMessages({
    ...{ schema, shared: stage.shared, turns: new Turns(), timeoutMs: 10_000, suggestions: true },
    ...(waitMs !== undefined && { waitMs }),
    courier: new Courier(delaysInto([])),
    reportFault: () => undefined,
  });
  const document = documentOf('subscription ($id: ID!) { counterUpdated(id: $id) { value } }');
  const contextValue = stage.context({ actor: customer('ada'), correlationId: 'test' });
  const all = await messages.subscribe({ schema, document, variableValues: { id: key }, contextValue });
  if (!all || !(Symbol.asyncIterator in all)) throw new Error(JSON.stringify(all));
  await all.next();
  resolved.length = 0;
  return all;
}

describe('the message of a change of a row that shows other read models', () => {
  it('waits until they have reached the change', async () => {
    const next = (await opened()).next();
    stage.write(key, 2);
    await until(() => stage.positions.waiting === 1);
    expect(resolved).toEqual([]);
    stage.positions.advance('others', 2);
    expect(JSON.parse((await next).value.stringify()).extensions.consistency).toEqual({ token: '2', stale: false });
  });

  it('waits as a subscription of its caller', async () => {
    const next = (await opened()).next();
    stage.write(key, 2);
    await until(() => stage.positions.waiting === 1);
    stage.positions.advance('others', 2);
    await next;
    expect(waits).toEqual([{ projection: 'others', as: 'subscription', caller: stage.context().caller }]);
  });

  it('waits no longer than its subscription lasts', async () => {
    const all = await opened();
    void all.next();
    stage.write(key, 2);
    await until(() => stage.positions.waiting === 1);
    await all.return?.();
    expect(stage.positions.waiting).toBe(0);
  });

  it('waits once for one that stands still, and again after it has moved', async () => {
    const all = await opened(1);
    const changed = async (value: number) => {
      const next = all.next();
      stage.write(key, value);
      return JSON.parse((await next).value.stringify()).extensions.consistency.stale;
    };
    expect(await changed(2)).toBe(true);
    expect(waits).toHaveLength(1);
    expect(await changed(3)).toBe(true);
    expect(waits).toHaveLength(1);
    stage.positions.advance('others', 2);
    expect(await changed(4)).toBe(true);
    expect(waits).toHaveLength(2);
  });

  it('does not wait again if it has to be made again', async () => {
    const next = (await opened(1)).next();
    failures = 2;
    stage.write(key, 2);
    await next;
    expect(resolved).toEqual([2, 2, 2]);
    expect(waits).toHaveLength(1);
  });

  it('says that it is stale if one of them does not reach the change in time', async () => {
    const next = (await opened(1)).next();
    stage.write(key, 2);
    expect(JSON.parse((await next).value.stringify()).extensions.consistency).toEqual({ token: '1', stale: true });
  });
});
