import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { accepted } from '../../../support/client/shop.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const app = useApp();

const gbp = (amount: number) => ({ amount, currency: 'GBP' });
const ENTRIES =
  'edges { cursor node { version kind reference amount { amount currency } balance { amount currency } } }';
interface Entry {
  readonly cursor: string;
  readonly node: { readonly version: number; readonly kind: string; readonly balance: { readonly amount: number } };
}
interface Statement {
  readonly account: { readonly entries: { edges: Entry[]; pageInfo: { hasNextPage: boolean } } } | null;
}
interface TransferView {
  readonly transfer: { readonly state: string; readonly failure: string | null } | null;
}

/** An account over the API, with something in it. */
async function open(amount = 0, currency = 'GBP'): Promise<string> {
  const { aggregateId: accountId } = await accepted(app, 'openAccount', { owner: 'Ada', currency });
  if (amount > 0) await accepted(app, 'deposit', { accountId, amount: { amount, currency } });
  return accountId;
}

/** The balance of an account at a token. */
async function balanceOf(accountId: string, token: string): Promise<number | undefined> {
  const query =
    'query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { account(id: $id) { balance { amount } } }';
  const { data } = await app.query<{ account: { balance: { amount: number } } | null }>(query, {
    id: accountId,
    token,
  });
  return data.account?.balance.amount;
}

/** The transfer when it is over. */
async function ended(id: string): Promise<NonNullable<TransferView['transfer']>> {
  let over: TransferView['transfer'] = null;
  await until(async () => {
    const { data } = await app.query<TransferView>(
      'query ($id: ID!) { transfer(id: $id) { id state failure fromAccountId toAccountId amount { amount currency } } }',
      { id },
    );
    over = data.transfer;
    return over && !['REQUESTED', 'DEBITED'].includes(over.state);
  });
  return over as unknown as NonNullable<TransferView['transfer']>;
}

describe('a transfer', () => {
  it('is readable at once, and completes', async () => {
    const [from, to] = [await open(100), await open(1)];
    const id = randomUUID();
    const input = { id, fromAccountId: from, toAccountId: to, amount: gbp(60), reference: 'Rent' };
    const query = `transfer(id: "${id}") { id amount { amount currency } fromAccountId toAccountId failure }`;
    const answer = await app.command('transfer', input, { query });
    expect(answer).toMatchObject({
      __typename: 'CommandReceipt',
      aggregateId: id,
      query: { transfer: { id, amount: gbp(60), fromAccountId: from, toAccountId: to, failure: null } },
    });
    expect(await ended(id)).toMatchObject({ state: 'COMPLETED', failure: null });
    const token = (await accepted(app, 'openAccount', { owner: 'last', currency: 'GBP' })).token;
    expect(await balanceOf(from, token)).toBe(40);
    expect(await balanceOf(to, token)).toBe(61);
    const statement = async (accountId: string) => {
      const { data } = await app.query<Statement>(
        `query ($token: ConsistencyToken!) @readAfter(token: $token) {
          account(id: "${accountId}") { entries(first: 1) { ${ENTRIES} } }
        }`,
        { token },
      );
      return data.account?.entries.edges[0]?.node;
    };
    const line = { amount: gbp(60), reference: 'Rent' };
    expect(await statement(from)).toMatchObject({ kind: 'TRANSFER_OUT', balance: gbp(40), ...line });
    expect(await statement(to)).toMatchObject({ kind: 'TRANSFER_IN', balance: gbp(61), ...line });
  });

  it('sent again under its commandId is the same one', async () => {
    const [from, to, commandId] = [await open(100), await open(), randomUUID()];
    const input = { fromAccountId: from, toAccountId: to, amount: gbp(60) };
    const first = await accepted(app, 'transfer', input, { commandId });
    const again = await accepted(app, 'transfer', input, { commandId });
    expect(again).toEqual({ ...first, replayed: true });
    expect(await ended(first.aggregateId)).toMatchObject({ state: 'COMPLETED' });
  });

  it.each([
    ['more than there is', 101, 'GBP', 'INSUFFICIENT_FUNDS: The account holds 100 minor units of GBP, not 101.'],
    ['another currency', 1, 'EUR', 'CURRENCY_MISMATCH: The account is kept in GBP, not in EUR.'],
  ])('of %s fails, and nothing is taken', async (_, amount, currency, failure) => {
    const [from, to] = [await open(100), await open()];
    const input = { fromAccountId: from, toAccountId: to, amount: { amount, currency } };
    const { aggregateId, token } = await accepted(app, 'transfer', input);
    expect(await ended(aggregateId)).toMatchObject({ state: 'FAILED', failure });
    expect(await balanceOf(from, token)).toBe(100);
  });

  it('from an account that there is not fails', async () => {
    const [from, to] = [randomUUID(), await open()];
    const { aggregateId } = await accepted(app, 'transfer', { fromAccountId: from, toAccountId: to, amount: gbp(1) });
    expect(await ended(aggregateId)).toMatchObject({
      state: 'FAILED',
      failure: `NOT_FOUND: There is no Account ${from}.`,
    });
  });

  it.each([
    ['an account that there is not', async () => randomUUID(), /^NOT_FOUND: There is no Account /],
    ['one of another currency', () => open(0, 'EUR'), /^CURRENCY_MISMATCH: /],
    ['one that is full', () => open(Number.MAX_SAFE_INTEGER), /^BALANCE_TOO_LARGE: /],
  ])('to %s is refunded', async (_, receiver, failure) => {
    const [from, to] = [await open(100), await receiver()];
    const input = { fromAccountId: from, toAccountId: to, amount: gbp(60), reference: 'Rent' };
    const { aggregateId } = await accepted(app, 'transfer', input);
    const transfer = await ended(aggregateId);
    expect(transfer).toMatchObject({ state: 'REFUNDED' });
    expect(transfer.failure).toMatch(failure);
    const { token } = await accepted(app, 'deposit', { accountId: from, amount: gbp(1) });
    expect(await balanceOf(from, token)).toBe(101);
    const { data } = await app.query<Statement>(
      `query ($token: ConsistencyToken!) @readAfter(token: $token) { account(id: "${from}") { entries { ${ENTRIES} } } }`,
      { token },
    );
    expect(data.account?.entries.edges.map(({ node }) => node.kind)).toEqual([
      'DEPOSIT',
      'REFUND',
      'TRANSFER_OUT',
      'DEPOSIT',
    ]);
  });

  it('to the account that it comes from is refused, and so is one whose id is in use', async () => {
    const [from, to, id] = [await open(100), await open(), randomUUID()];
    expect(await app.command('transfer', { fromAccountId: from, toAccountId: from, amount: gbp(1) })).toMatchObject({
      __typename: 'CommandRejected',
      code: 'SAME_ACCOUNT',
    });
    await accepted(app, 'transfer', { id, fromAccountId: from, toAccountId: to, amount: gbp(1) });
    expect(await app.command('transfer', { id, fromAccountId: from, toAccountId: to, amount: gbp(1) })).toMatchObject({
      code: 'TRANSFER_ALREADY_REQUESTED',
    });
  });

  it('is null if there is none', async () => {
    const { data } = await app.query('query ($id: ID!) { transfer(id: $id) { id } }', { id: randomUUID() });
    expect(data).toEqual({ transfer: null });
  });
});
