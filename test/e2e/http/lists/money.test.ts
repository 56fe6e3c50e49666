import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { accepted } from '../../../support/client/shop.ts';
import { accessToken, customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';
import { readAll } from './list.ts';

const app = useApp({ env: WITH_AUTH });
const ACCOUNTS = { field: 'accounts', variables: '$filter: AccountFilter', shows: 'id' };
const TRANSFERS = { field: 'transfers', variables: '$filter: TransferFilter', shows: 'id' };
const gbp = (amount: number) => ({ amount, currency: 'GBP' });

interface Person {
  readonly id: string;
  readonly token: string;
  readonly pounds: string;
  readonly euros: string;
}
let staff: string;
let ada: Person;
let bob: Person;
/** From Ada to Bob, accepted; from Bob to Ada, accepted; of more than Ada has; from Ada to an account that is not there. */
let sent: string;
let received: string;
let failed: string;
let refunded: string;
let after: string;

beforeAll(async () => {
  staff = await staffToken();
  const join = async (): Promise<Person> => {
    const id = randomUUID();
    const token = await customerToken(id);
    const open = async (currency: string) =>
      (await accepted(app, 'openAccount', { owner: id, currency }, { token })).aggregateId;
    const pounds = await open('GBP');
    await accepted(app, 'deposit', { accountId: pounds, amount: gbp(100) }, { token: staff });
    return { id, token, pounds, euros: await open('EUR') };
  };
  ada = await join();
  bob = await join();
  const transfer = async (from: Person, fromAccountId: string, toAccountId: string, amount: number, ends: string) => {
    const input = { fromAccountId, toAccountId, amount: gbp(amount) };
    const { aggregateId: id } = await accepted(app, 'transfer', input, { token: from.token });
    await until(async () => {
      const query = `{ transfer(id: "${id}") { state } }`;
      const { data, consistency } = await app.query<{ transfer: { state: string } | null }>(
        query,
        {},
        { token: staff },
      );
      after = consistency.token;
      return data.transfer?.state === ends;
    });
    return id;
  };
  sent = await transfer(ada, ada.pounds, bob.pounds, 10, 'COMPLETED');
  received = await transfer(bob, bob.pounds, ada.pounds, 5, 'COMPLETED');
  failed = await transfer(ada, ada.pounds, bob.pounds, 1000, 'FAILED');
  refunded = await transfer(ada, ada.pounds, randomUUID(), 1, 'REFUNDED');
});

describe('a list of accounts', () => {
  const list = (filter: object | null, token = staff) => readAll(app, ACCOUNTS, { filter }, { after, token });

  it('has all of them for staff, the newest first', async () => {
    expect(await list(null)).toEqual([bob.euros, bob.pounds, ada.euros, ada.pounds]);
  });

  it('is filtered by owner and by currency', async () => {
    expect(await list({ owner: ada.id })).toEqual([ada.euros, ada.pounds]);
    expect(await list({ currency: 'GBP' })).toEqual([bob.pounds, ada.pounds]);
    expect(await list({ owner: bob.id, currency: 'EUR' })).toEqual([bob.euros]);
    expect(await list({ owner: bob.id, currency: 'USD' })).toEqual([]);
    expect(await list({ owner: null, currency: null })).toHaveLength(4);
  });

  it('has for customers their own only, whatever they filter by', async () => {
    expect(await list(null, ada.token)).toEqual([ada.euros, ada.pounds]);
    expect(await list({ owner: bob.id }, ada.token)).toEqual([]);
    expect(await list({ currency: 'GBP' }, ada.token)).toEqual([ada.pounds]);
  });
});

describe('a list of transfers', () => {
  const list = (filter: object | null, token = staff) => readAll(app, TRANSFERS, { filter }, { after, token });

  it('has all of them for staff, the newest first', async () => {
    expect(await list(null)).toEqual([refunded, failed, received, sent]);
  });

  it('is filtered by an account, as source or as target, and by states', async () => {
    expect(await list({ accountId: bob.pounds })).toEqual([failed, received, sent]);
    expect(await list({ accountId: ada.pounds.toUpperCase() })).toEqual([refunded, failed, received, sent]);
    expect(await list({ accountId: ada.euros })).toEqual([]);
    expect(await list({ state: ['FAILED', 'REFUNDED', 'FAILED'] })).toEqual([refunded, failed]);
    expect(await list({ state: [] })).toEqual([]);
    expect(await list({ accountId: bob.pounds, state: ['COMPLETED'] })).toEqual([received, sent]);
  });

  it('has for customers those of their money only, whatever they filter by', async () => {
    expect(await list(null, ada.token)).toEqual([refunded, failed, sent]);
    expect(await list({ accountId: bob.pounds }, ada.token)).toEqual([failed, sent]);
    expect(await list({ accountId: ada.pounds }, bob.token)).toEqual([received]);
  });

  it('tells why one failed only as far as its reader may know', async () => {
    const query = `{ transfers(filter: { state: [REFUNDED] }) { edges { node { failure } } } }`;
    const failureFor = async (token: string) =>
      (await app.query<{ transfers: { edges: { node: { failure: string } }[] } }>(query, {}, { token })).data.transfers
        .edges[0]?.node.failure;
    expect(await failureFor(ada.token)).toMatch(/^NOT_ACCEPTED: /);
    expect(await failureFor(staff)).toMatch(/^NOT_FOUND: /);
  });

  it('refuses an account whose id is none', async () => {
    const answer = await app.query(
      '{ transfers(filter: { accountId: "x" }) { edges { cursor } } }',
      {},
      { token: staff },
    );
    expectRequestError(answer, 'BAD_USER_INPUT');
  });
});

it.each(['accounts', 'transfers'])('%s are nothing for who may see none: null, and an error', async (field) => {
  for (const [token, code] of [
    [undefined, 'UNAUTHENTICATED'],
    [await accessToken('guest', []), 'FORBIDDEN'],
  ] as const) {
    const { data, errors } = await app.query(`{ ${field} { edges { cursor } } }`, {}, { token });
    expect(data).toEqual({ [field]: null });
    expect(errors).toMatchObject([{ extensions: { code } }]);
  }
});
