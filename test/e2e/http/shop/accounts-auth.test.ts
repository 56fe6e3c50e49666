import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectAbsent, expectRequestError } from '../../../support/client/refusals.ts';
import { accepted } from '../../../support/client/shop.ts';
import { customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const app = useApp({ env: { ...WITH_AUTH, AUTH_ISSUER: '' } });

interface Person {
  readonly id: string;
  readonly token: string;
  readonly accountId: string;
}
let staff: string;
let ada: Person;
let bob: Person;
const gbp = (amount: number) => ({ amount, currency: 'GBP' });

beforeAll(async () => {
  staff = await staffToken();
  const join = async (owner = randomUUID()): Promise<Person> => {
    const token = await customerToken(owner);
    const { aggregateId: accountId } = await accepted(app, 'openAccount', { owner, currency: 'GBP' }, { token });
    await accepted(app, 'deposit', { accountId, amount: gbp(100) }, { token: staff });
    return { id: owner, token, accountId };
  };
  ada = await join();
  bob = await join();
});

async function bobsAccount(currency: string, amount = 0): Promise<string> {
  const { aggregateId } = await accepted(app, 'openAccount', { owner: bob.id, currency }, { token: bob.token });
  const input = { accountId: aggregateId, amount: { amount, currency } };
  if (amount > 0) await accepted(app, 'deposit', input, { token: staff });
  return aggregateId;
}

describe('a customer', () => {
  it('sees their own accounts with their statements, and nobody else’s', async () => {
    const { token: after } = await accepted(
      app,
      'deposit',
      { accountId: bob.accountId, amount: gbp(1) },
      { token: staff },
    );
    const query = (id: string) => `{
      account(id: "${id}") { owner entries { edges { node { kind } } } }
      balanceAt(accountId: "${id}", at: "9999-01-01T00:00:00Z") { amount }
    }`;
    const read = async (id: string, token: string) =>
      (await app.query(query(id), {}, { token, headers: { 'read-after': after } })).data;
    const bobs = {
      account: { owner: bob.id, entries: { edges: [{ node: { kind: 'DEPOSIT' } }, { node: { kind: 'DEPOSIT' } }] } },
      balanceAt: { amount: 101 },
    };
    expect(await read(bob.accountId, bob.token)).toEqual(bobs);
    expect(await read(bob.accountId, staff)).toEqual(bobs);
    expect(await read(bob.accountId, ada.token)).toEqual({ account: null, balanceAt: null });
  });

  it('moves money of their own only', async () => {
    const { accountId } = bob;
    const { token } = ada;
    for (const [name, input] of [
      ['openAccount', { owner: bob.id, currency: 'GBP' }],
      ['deposit', { accountId, amount: gbp(1) }],
      ['deposit', { accountId: ada.accountId, amount: gbp(1) }],
      ['transfer', { fromAccountId: accountId, toAccountId: ada.accountId, amount: gbp(1) }],
      ['transfer', { fromAccountId: randomUUID(), toAccountId: ada.accountId, amount: gbp(1) }],
    ] as const) {
      expectRequestError(await app.tryCommand(name, input, { token }), 'FORBIDDEN');
      expectRequestError(await app.tryCommand(name, input), 'UNAUTHENTICATED');
    }
    const withdrawal = { accountId, amount: gbp(1) };
    expectAbsent(await app.tryCommand('withdraw', withdrawal, { token }), 'withdraw');
    expectRequestError(await app.tryCommand('withdraw', withdrawal), 'UNAUTHENTICATED');
  });

  it.each([
    ['is not there', async () => randomUUID()],
    ['is kept in another currency', () => bobsAccount('EUR')],
    ['is full', () => bobsAccount('GBP', Number.MAX_SAFE_INTEGER)],
  ])('is told nothing of a receiver whose account %s, but staff are', async (_, receiver) => {
    const input = { fromAccountId: ada.accountId, toAccountId: await receiver(), amount: gbp(1) };
    const { aggregateId } = await accepted(app, 'transfer', input, { token: ada.token });
    const failureFor = async (token: string) => {
      const query = `{ transfer(id: "${aggregateId}") { state failure } }`;
      const { data } = await app.query<{ transfer: { state: string; failure: string } | null }>(query, {}, { token });
      return data.transfer;
    };
    const refunded = await until(async () => {
      const transfer = await failureFor(ada.token);
      return transfer?.state === 'REFUNDED' ? transfer : undefined;
    });
    expect(refunded?.failure).toBe('NOT_ACCEPTED: The receiver cannot take it; the money goes back.');
    expect((await failureFor(staff))?.failure).toMatch(/^(NOT_FOUND|CURRENCY_MISMATCH|BALANCE_TOO_LARGE): /);
  });

  it('is told why a transfer between accounts of their own goes back', async () => {
    const own = await accepted(app, 'openAccount', { owner: ada.id, currency: 'EUR' }, { token: ada.token });
    const input = { fromAccountId: ada.accountId, toAccountId: own.aggregateId, amount: gbp(1) };
    const { aggregateId } = await accepted(app, 'transfer', input, { token: ada.token });
    const failure = await until(async () => {
      const query = `{ transfer(id: "${aggregateId}") { failure } }`;
      const { data } = await app.query<{ transfer: { failure: string | null } | null }>(
        query,
        {},
        { token: ada.token },
      );
      return data.transfer?.failure;
    });
    expect(failure).toMatch(/^CURRENCY_MISMATCH: /);
  });

  it('sends to anybody, and sees that transfer, which the receiver does not', async () => {
    const input = { fromAccountId: ada.accountId, toAccountId: bob.accountId, amount: gbp(1) };
    const { aggregateId, token: after } = await accepted(app, 'transfer', input, { token: ada.token });
    const read = async (token: string) => {
      const query = `{ transfer(id: "${aggregateId}") { fromAccountId } }`;
      return (await app.query(query, {}, { token, headers: { 'read-after': after } })).data;
    };
    expect(await read(ada.token)).toEqual({ transfer: { fromAccountId: ada.accountId } });
    expect(await read(staff)).toEqual({ transfer: { fromAccountId: ada.accountId } });
    expect(await read(bob.token)).toEqual({ transfer: null });
  });

  it('has an account even if staff wrote the id in capitals', async () => {
    const owner = ada.id.toUpperCase();
    const { aggregateId: accountId } = await accepted(app, 'openAccount', { owner, currency: 'GBP' }, { token: staff });
    await accepted(app, 'deposit', { accountId, amount: gbp(1) }, { token: staff });
    await accepted(app, 'withdraw', { accountId, amount: gbp(1) }, { token: ada.token });
  });
});
