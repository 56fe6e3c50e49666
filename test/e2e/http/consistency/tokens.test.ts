import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Tokens } from '../../../../src/kernel/consistency/token.ts';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { accepted, registerCustomer } from '../../../support/client/shop.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp();
const BY_VARIABLE =
  'query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { customer(id: $id) { name version } }';
const WITHOUT = 'query ($id: ID!) { customer(id: $id) { name version } }';
const positionOf = (token: string) => app.engine.tokens.decode(token);

describe('a token', () => {
  it('lets a query see the write that it was given for, as a literal', async () => {
    const { aggregateId, token } = await registerCustomer(app);
    const query = `{ customer(id: "${aggregateId}") { name } }`;
    const answer = await app.query(`query @readAfter(token: "${token}") ${query}`);
    expect(answer.data).toEqual({ customer: { name: 'Ada' } });
  });

  it('does so in a variable, and in the header', async () => {
    const { aggregateId: id, token } = await registerCustomer(app);
    expect((await app.query(BY_VARIABLE, { id, token })).data).toEqual({ customer: { name: 'Ada', version: 1 } });
    const renamed = await accepted(app, 'renameCustomer', { customerId: id, name: 'Bob' });
    const headers = { 'read-after': renamed.token };
    expect((await app.query(WITHOUT, { id }, { headers })).data).toEqual({ customer: { name: 'Bob', version: 2 } });
  });

  it('does so several at a time, in the header and repeated', async () => {
    const [ada, bob] = await Promise.all([registerCustomer(app), registerCustomer(app, { name: 'Bob' })]);
    const variables = { ada: ada.aggregateId, bob: bob.aggregateId, one: ada.token, two: bob.token };
    const both = '{ ada: customer(id: $ada) { name } bob: customer(id: $bob) { name } }';
    const data = { ada: { name: 'Ada' }, bob: { name: 'Bob' } };
    const repeated = `query ($ada: ID!, $bob: ID!, $one: ConsistencyToken!, $two: ConsistencyToken!)
      @readAfter(token: $one) @readAfter(token: $two, timeoutMs: 5000) ${both}`;
    expect((await app.query(repeated, variables)).data).toEqual(data);
    const headers = { 'read-after': ` ${ada.token} ,, ${bob.token},` };
    const { ada: a, bob: b } = variables;
    expect((await app.query(`query ($ada: ID!, $bob: ID!) ${both}`, { ada: a, bob: b }, { headers })).data).toEqual(
      data,
    );
  });

  it('does so on a GET request', async () => {
    const { aggregateId: id, token } = await registerCustomer(app);
    const search = `?${new URLSearchParams({ query: WITHOUT, variables: JSON.stringify({ id }) })}`;
    const headers = { accept: 'application/json', 'read-after': token };
    expect((await app.send({ method: 'GET', search }, { headers })).data).toEqual({
      customer: { name: 'Ada', version: 1 },
    });
  });

  it('is valid for every later read, forever', async () => {
    const { aggregateId: id, token } = await registerCustomer(app);
    for (const name of ['B', 'C', 'D']) await accepted(app, 'renameCustomer', { customerId: id, name });
    const answer = await app.query<{ customer: { version: number } }>(BY_VARIABLE, { id, token });
    expect(answer.errors).toBeUndefined();
    expect(answer.data.customer.version).toBeGreaterThanOrEqual(1);
  });
});

describe('every answer', () => {
  it('of a query says how fresh it is, in the extensions and the header, so that reads never go back', async () => {
    const { aggregateId: id, token } = await registerCustomer(app);
    let seen = token;
    for (let version = 1; version <= 5; version++) {
      if (version > 1) await accepted(app, 'renameCustomer', { customerId: id, name: `Name ${version}` });
      const answer = await app.query<{ customer: { version: number } }>(BY_VARIABLE, { id, token: seen });
      expect(answer.consistency).toEqual({ token: answer.headers.get('consistency-token'), stale: false });
      expect(positionOf(answer.consistency.token)).toBeGreaterThanOrEqual(positionOf(seen));
      const again = await app.query<{ customer: { version: number } }>(BY_VARIABLE, {
        id,
        token: answer.consistency.token,
      });
      expect(again.data.customer.version).toBeGreaterThanOrEqual(answer.data.customer.version);
      seen = again.consistency.token;
    }
  });

  it('of a mutation that appended nothing has a token too', async () => {
    const answer = await app.tryCommand('renameCustomer', { customerId: randomUUID(), name: 'X' });
    expect(answer.data?.renameCustomer).toMatchObject({ __typename: 'AggregateNotFound' });
    expect(answer.consistency.token).toBe(answer.headers.get('consistency-token'));
    expect(positionOf(answer.consistency.token)).toBeGreaterThanOrEqual(0);
  });

  it('to a token that cannot be honoured has one that can', async () => {
    const answer = await app.query(BY_VARIABLE, { id: randomUUID(), token: 'nonsense' });
    expect(answer.consistency.token).toBe(answer.headers.get('consistency-token'));
    expect(
      (await app.query(BY_VARIABLE, { id: randomUUID(), token: answer.consistency.token })).errors,
    ).toBeUndefined();
  });
});

describe('a token that cannot be honoured', () => {
  const foreign = new Tokens(randomUUID());
  const both = async (token: string) => {
    const id = randomUUID();
    return [
      await app.query(BY_VARIABLE, { id, token }),
      await app.query(WITHOUT, { id }, { headers: { 'read-after': token } }),
    ];
  };

  it.each(['nonsense', 'x'.repeat(36), 'x'.repeat(5000), 'A'.repeat(36)])(
    'is INVALID_TOKEN where it is none',
    async (token) => {
      for (const answer of await both(token)) expectRequestError(answer, 'INVALID_TOKEN');
    },
  );

  it('is INVALID_TOKEN if a character of it was changed', async () => {
    const { token } = await registerCustomer(app);
    for (const at of [0, 10, 30, 35]) {
      const changed = `${token.slice(0, at)}${token[at] === 'x' ? 'y' : 'x'}${token.slice(at + 1)}`;
      for (const answer of await both(changed)) {
        // The last character has bits that say nothing.
        if (at < 35) expectRequestError(answer, 'INVALID_TOKEN');
      }
    }
  });

  it('is INVALID_TOKEN if it is not a text that a header could hold', async () => {
    const id = randomUUID();
    for (const token of ['', 'a\0b', 'a\ud800b', '🫖'.repeat(9)]) {
      expectRequestError(await app.query(BY_VARIABLE, { id, token }), 'INVALID_TOKEN');
    }
  });

  it.each([[5], [true], [{}], [null], [undefined], [['a', 'b']]])('is BAD_USER_INPUT where it is %j', async (token) => {
    expectRequestError(await app.query(BY_VARIABLE, { id: randomUUID(), token }), 'BAD_USER_INPUT');
  });

  it('is FOREIGN_TOKEN if another store gave it', async () => {
    for (const answer of await both(foreign.encode(1))) expectRequestError(answer, 'FOREIGN_TOKEN');
  });

  it('is TOKEN_AHEAD if the log does not reach it', async () => {
    const ahead = app.engine.tokens.encode(app.engine.projector.head.position + 1000);
    for (const answer of await both(ahead)) expectRequestError(answer, 'TOKEN_AHEAD');
  });

  it('is refused even if other tokens with it are valid', async () => {
    const { aggregateId: id, token } = await registerCustomer(app);
    const headers = { 'read-after': `${token}, ${foreign.encode(1)}` };
    expectRequestError(await app.query(WITHOUT, { id }, { headers }), 'FOREIGN_TOKEN');
    expectRequestError(await app.query(BY_VARIABLE, { id, token }, { headers }), 'FOREIGN_TOKEN');
  });

  it('is refused even if nothing that is read could be late', async () => {
    expectRequestError(await app.query('query @readAfter(token: "x") { projections { name } }'), 'INVALID_TOKEN');
  });
});

describe('@readAfter', () => {
  it.each([
    'timeoutMs: -1',
    'timeoutMs: "1"',
    'timeoutMs: 1.5',
    'onTimeout: PERHAPS',
    'onTimeout: "STALE"',
    'until: 5',
  ])('with %s is refused in words', async (argument) => {
    const { token } = await registerCustomer(app);
    const query = `query @readAfter(token: "${token}", ${argument}) { projections { name } }`;
    expectRequestError(await app.query(query), 'BAD_USER_INPUT');
  });
});
