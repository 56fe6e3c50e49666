import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { deposit, openAccount, withdraw } from '../../../../src/domains/accounts/index.ts';
import type { Command } from '../../../../src/kernel/define/command.ts';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { accepted } from '../../../support/client/shop.ts';
import { receiptOf } from '../../../support/kernel/appends.ts';
import { system } from '../../../support/kernel/counter.ts';
import { logSize } from '../../../support/kernel/log.ts';
import { useApp } from '../../../support/server/app.ts';

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
/** An account over the API, with something in it. */
async function open(amount = 0, currency = 'GBP'): Promise<string> {
  const { aggregateId: accountId } = await accepted(app, 'openAccount', { owner: 'Ada', currency });
  if (amount > 0) await accepted(app, 'deposit', { accountId, amount: { amount, currency } });
  return accountId;
}

describe('an account', () => {
  it('is opened, filled and emptied, each step readable in the very request that takes it', async () => {
    const id = randomUUID();
    const query = `account(id: "${id}") { id owner version stale balance { amount currency } entries { ${ENTRIES} pageInfo { hasNextPage } } }`;
    const opened = await app.command('openAccount', { id, owner: 'Ada', currency: 'GBP' }, { query });
    expect(opened.query).toEqual({
      account: {
        id,
        owner: 'Ada',
        version: 1,
        stale: false,
        balance: gbp(0),
        entries: { edges: [], pageInfo: { hasNextPage: false } },
      },
    });
    await accepted(app, 'deposit', { accountId: id, amount: gbp(100), reference: 'Wages' });
    const { query: after } = await app.command('withdraw', { accountId: id, amount: gbp(30) }, { query });
    const node = (version: number, kind: string, amount: number, balance: number, reference: string | null) => ({
      cursor: expect.any(String),
      node: { version, kind, reference, amount: gbp(amount), balance: gbp(balance) },
    });
    expect(after).toMatchObject({
      account: {
        version: 3,
        balance: gbp(70),
        entries: { edges: [node(3, 'WITHDRAWAL', 30, 70, null), node(2, 'DEPOSIT', 100, 100, 'Wages')] },
      },
    });
  });

  it('gets a sentence for each refused command', async () => {
    const accountId = await open(100);
    const before = await logSize(app.database);
    const rejected = (code: string, message: string) => ({ __typename: 'CommandRejected', code, message });
    expect(await app.command('withdraw', { accountId, amount: gbp(101) })).toMatchObject(
      rejected('INSUFFICIENT_FUNDS', 'The account holds 100 minor units of GBP, not 101.'),
    );
    expect(await app.command('deposit', { accountId, amount: { amount: 1, currency: 'EUR' } })).toMatchObject(
      rejected('CURRENCY_MISMATCH', 'The account is kept in GBP, not in EUR.'),
    );
    expect(await app.command('deposit', { accountId, amount: gbp(Number.MAX_SAFE_INTEGER) })).toMatchObject({
      code: 'BALANCE_TOO_LARGE',
    });
    expect(await app.command('openAccount', { id: accountId, owner: 'Bob', currency: 'GBP' })).toMatchObject(
      rejected('ACCOUNT_ALREADY_OPENED', 'An account with this id was opened before.'),
    );
    expect(await app.command('deposit', { accountId, amount: gbp(0) })).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path: ['amount', 'amount'], message: 'An amount must be at least 1.' }],
    });
    expect(await app.command('deposit', { accountId: randomUUID(), amount: gbp(1) })).toMatchObject({
      __typename: 'AggregateNotFound',
    });
    expect(await app.command('withdraw', { accountId, amount: gbp(1) }, { expectedVersion: 1 })).toMatchObject({
      __typename: 'ConcurrencyConflict',
      actualVersion: 2,
    });
    expect(await logSize(app.database)).toEqual(before);
  });

  it('gives its last pound to one of many who ask for it', async () => {
    const accountId = await open(5);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => app.command('withdraw', { accountId, amount: gbp(1) })),
    );
    expect(answers.filter(({ __typename }) => __typename === 'CommandReceipt')).toHaveLength(5);
    expect(answers.filter(({ code }) => code === 'INSUFFICIENT_FUNDS')).toHaveLength(15);
  });

  it('is null if there is none, and its statement is paged newest first', async () => {
    expect((await app.query('query ($id: ID!) { account(id: $id) { id } }', { id: randomUUID() })).data).toEqual({
      account: null,
    });
    const accountId = await open();
    let token = '';
    for (let n = 1; n <= 5; n++) ({ token } = await accepted(app, 'deposit', { accountId, amount: gbp(n) }));
    const page = async (after?: string) => {
      const query = `query ($id: ID!, $after: String) {
        account(id: $id) { entries(first: 2, after: $after) { ${ENTRIES} pageInfo { hasNextPage } } } }`;
      const { data } = await app.query<Statement>(
        query,
        { id: accountId, after },
        { headers: { 'read-after': token } },
      );
      return data.account?.entries ?? { edges: [], pageInfo: { hasNextPage: false } };
    };
    const seen: number[] = [];
    for (let after: string | undefined, more = true; more; ) {
      const { edges, pageInfo } = await page(after);
      seen.push(...edges.map(({ node }) => node.balance.amount));
      after = edges.at(-1)?.cursor;
      more = pageInfo.hasNextPage;
    }
    expect(seen).toEqual([15, 10, 6, 3, 1]);
  });

  it('refuses a page or an id that is none', async () => {
    const { aggregateId: accountId, token } = await accepted(app, 'openAccount', { owner: 'Ada', currency: 'GBP' });
    for (const args of ['first: -1', 'first: 101', 'after: "x"']) {
      const answer = await app.query(
        `query ($token: ConsistencyToken!) @readAfter(token: $token) {
          account(id: "${accountId}") { entries(${args}) { pageInfo { hasNextPage } } } }`,
        { token },
      );
      expectRequestError(answer, 'BAD_USER_INPUT');
    }
    for (const query of [
      '{ account(id: "mine") { id } }',
      '{ transfer(id: "mine") { id } }',
      '{ balanceAt(accountId: "mine", at: "2026-01-01T00:00:00Z") { amount } }',
      `{ balanceAt(accountId: "${accountId}", at: "yesterday") { amount } }`,
      `{ balanceAt(accountId: "${accountId}") { amount } }`,
    ]) {
      expectRequestError(await app.query(query), 'BAD_USER_INPUT');
    }
  });
});

describe('the balance at a moment', () => {
  const at = (second: number, ms = 0) => new Date(Date.UTC(2024, 0, 1, 0, 0, second, ms));

  it('is that after the last line until then, exact at the boundaries', async () => {
    const accountId = randomUUID();
    const execute = async (command: Command, input: object, occurredAt: Date) =>
      receiptOf(await app.engine.bus.executeUnchecked(command, input, { ...system, occurredAt }));
    await execute(openAccount, { id: accountId, owner: 'Ada', currency: 'GBP' }, at(10));
    await execute(deposit, { accountId, amount: gbp(100) }, at(20));
    // Two at one instant: the later one counts.
    await execute(withdraw, { accountId, amount: gbp(10) }, at(30));
    await execute(withdraw, { accountId, amount: gbp(20) }, at(30));
    const { position } = await execute(deposit, { accountId, amount: gbp(7) }, at(40));
    await app.engine.projector.positions.reached('accountEntries', position);
    await app.engine.projector.positions.reached('accounts', position);
    const balanceAt = async (moment: Date) => {
      const query = 'query ($id: ID!, $at: DateTime!) { balanceAt(accountId: $id, at: $at) { amount currency } }';
      const answer = await app.query<{ balanceAt: { amount: number } | null }>(query, { id: accountId, at: moment });
      expect(answer.errors).toBeUndefined();
      return answer.data.balanceAt?.amount ?? null;
    };
    expect(await balanceAt(at(9, 999))).toBeNull();
    expect(await balanceAt(at(10))).toBe(0);
    expect(await balanceAt(at(19, 999))).toBe(0);
    expect(await balanceAt(at(20))).toBe(100);
    expect(await balanceAt(at(29, 999))).toBe(100);
    expect(await balanceAt(at(30))).toBe(70);
    expect(await balanceAt(at(39, 999))).toBe(70);
    expect(await balanceAt(at(40))).toBe(77);
    expect(await balanceAt(new Date('9999-12-31T23:59:59.999Z'))).toBe(77);
    expect(await balanceAt(new Date('0001-01-01T00:00:00Z'))).toBeNull();
  });

  it('is null of an account that there is not', async () => {
    const query = 'query ($id: ID!) { balanceAt(accountId: $id, at: "2026-01-01T00:00:00Z") { amount } }';
    expect((await app.query(query, { id: randomUUID() })).data).toEqual({ balanceAt: null });
  });

  it('is looked up in an index', async () => {
    const { sql } = app.database;
    const rows = await sql.begin(async (tx) => {
      await tx`set local enable_seqscan = off`;
      return tx`explain select balance from read.account_entries_v2
                where account_id = ${randomUUID()} and occurred_at <= now() order by occurred_at desc, version desc limit 1`;
    });
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toContain('Index Scan Backward using account_entries_occurred_at');
    expect(plan).not.toContain('Sort');
  });
});
