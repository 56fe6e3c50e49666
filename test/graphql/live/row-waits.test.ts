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
beforeEach(() => {
  stage = new Stage();
  key = randomUUID();
  stage.write(key, 1);
  stage.positions.advance('others', 1);
  resolved = [];
});

/** A subscription that has had its first message. @param waitMs how long its messages wait for other read models. */
async function opened(waitMs?: number): Promise<AsyncIterableIterator<ExecutionResult>> {
  const schema = counterSchema({
    value: ({ value }) => {
      resolved.push(value);
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

  it('says that it is stale if one of them does not reach the change in time', async () => {
    const next = (await opened(1)).next();
    stage.write(key, 2);
    expect(JSON.parse((await next).value.stringify()).extensions.consistency).toEqual({ token: '1', stale: true });
  });
});
