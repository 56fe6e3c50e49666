import { describe, expect, it } from 'vitest';
import {
  Account,
  AccountOpened,
  MoneyDeposited,
  MoneyReceived,
  MoneyReturned,
  MoneySent,
  MoneyWithdrawn,
  TransferClosed,
} from '../../../src/domains/accounts/account.ts';
import { accounts, entries, transfers } from '../../../src/domains/accounts/read-models.ts';
import {
  Settlement,
  SettlementBegun,
  TransferCompleted,
  TransferDebited,
  TransferFailed,
  TransferRefunded,
  TransferRefused,
} from '../../../src/domains/accounts/settlement.ts';
import { Transfer, TransferRequested } from '../../../src/domains/accounts/transfer.ts';
import { givenEvents } from '../../../src/kernel/testing/fold.ts';
import { recorded } from '../../../src/kernel/testing/recorded.ts';
import { ADA, BOB, customer, eur, gbp, uuid } from '../fixtures.ts';

const accountId = uuid(71);
const transferId = uuid(72);
const life = [
  AccountOpened({ owner: ADA, currency: 'GBP' }),
  MoneyDeposited({ amount: gbp(100), balance: 100, reference: 'Wages' }),
  MoneyWithdrawn({ amount: gbp(10), balance: 90 }),
  MoneySent({ transferId, amount: gbp(60), balance: 30, reference: 'Rent' }),
  MoneyReturned({ transferId, amount: gbp(60), balance: 90, reference: 'Rent' }),
  MoneyReceived({ transferId: uuid(73), amount: gbp(5), balance: 95 }),
  TransferClosed({ transferId: uuid(73) }),
];
const log = recorded(Account, accountId, life);

describe('the read model of accounts', () => {
  it('has a row for each account with its present balance and version', () => {
    const both = recorded(Account, uuid(74), [AccountOpened({ owner: 'Bob', currency: 'EUR' })], log);
    const openedAt = log[0]?.occurredAt;
    expect(givenEvents(both).project(accounts)).toEqual([
      { id: accountId, owner: ADA, balance: 95, currency: 'GBP', openedAt, version: 7 },
      { id: uuid(74), owner: 'Bob', balance: 0, currency: 'EUR', openedAt: both[7]?.occurredAt, version: 1 },
    ]);
  });

  it('shows customers their own', () => {
    expect(accounts.visibleTo).toMatchObject({ staff: 'all', system: 'all' });
    const { customer: rule } = accounts.visibleTo as { customer: (actor: ReturnType<typeof customer>) => object };
    expect(rule(customer(ADA))).toEqual({ owner: ADA });
  });
});

describe('the read model of statements', () => {
  it('has a row for each line with the balance after it, and none for what moves no money', () => {
    const line = (nth: number, kind: string, amount: number, balance: number, reference: string | null = null) => {
      const { eventId: id, version, occurredAt } = log[nth] ?? {};
      return { id, accountId, version, kind, amount, balance, currency: 'GBP', reference, occurredAt };
    };
    expect(givenEvents(log).project(entries)).toEqual([
      line(1, 'DEPOSIT', 100, 100, 'Wages'),
      line(2, 'WITHDRAWAL', 10, 90),
      line(3, 'TRANSFER_OUT', 60, 30, 'Rent'),
      line(4, 'REFUND', 60, 90, 'Rent'),
      line(5, 'TRANSFER_IN', 5, 95),
    ]);
  });
});

describe('the read model of transfers', () => {
  const wish = { fromAccountId: uuid(75), toAccountId: uuid(76), amount: eur(7), reference: null };
  const requested = recorded(Transfer, transferId, [TransferRequested({ ...wish, owner: BOB })]);
  const reason = { code: 'NOT_FOUND', message: 'There is no such account.' };
  const failure = 'NOT_FOUND: There is no such account.';

  it.each([
    ['REQUESTED', [SettlementBegun(wish)], null],
    ['DEBITED', [SettlementBegun(wish), TransferDebited({})], null],
    ['COMPLETED', [TransferDebited({}), TransferCompleted({})], null],
    ['FAILED', [TransferFailed(reason)], failure],
    ['DEBITED', [TransferDebited({}), TransferRefused(reason)], failure],
    ['REFUNDED', [TransferDebited({}), TransferRefused(reason), TransferRefunded({})], failure],
  ])('shows one that is %s', (state, steps, failure) => {
    const events = recorded(Settlement.aggregate as never, transferId, steps as never, requested);
    expect(givenEvents(events).project(transfers)).toEqual([
      {
        id: transferId,
        state,
        amount: 7,
        currency: 'EUR',
        fromAccountId: uuid(75),
        toAccountId: uuid(76),
        owner: BOB,
        failure,
        requestedAt: requested[0]?.occurredAt,
      },
    ]);
  });
});
