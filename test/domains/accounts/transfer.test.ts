import { describe, it } from 'vitest';
import {
  Account,
  AccountOpened,
  MoneyReceived,
  MoneyReturned,
  MoneySent,
} from '../../../src/domains/accounts/account.ts';
import {
  closeTransfer,
  creditTransfer,
  debitTransfer,
  refundTransfer,
} from '../../../src/domains/accounts/account-transfers.ts';
import {
  Settlement,
  SettlementBegun,
  TransferCompleted,
  TransferDebited,
  TransferFailed,
  TransferRefunded,
  TransferRefused,
} from '../../../src/domains/accounts/settlement.ts';
import { Transfer, TransferRequested, transfer } from '../../../src/domains/accounts/transfer.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import { given } from '../../../src/kernel/testing/given.ts';
import { givenProcess } from '../../../src/kernel/testing/process.ts';
import { recorded } from '../../../src/kernel/testing/recorded.ts';
import { ADA, ADMIN, BOB, customer, gbp, STAFF, uuid } from '../fixtures.ts';

const transferId = uuid(60);
const fromAccountId = uuid(61);
const toAccountId = uuid(62);
const amount = gbp(60);
const wish = { fromAccountId, toAccountId, amount, reference: 'Rent' };
const ofAda = [AccountOpened({ owner: ADA, currency: 'GBP' })];
const asked = TransferRequested({ ...wish, owner: ADA });

describe('asking for a transfer', () => {
  const fromAda = given(Transfer).and(Account, fromAccountId, ofAda);

  it('notes what is asked for, and whose money it is', () => fromAda.when(transfer, wish).thenEvents(asked));

  it('leaves it to the settlement to find out that there is no such account', () =>
    given(Transfer)
      .when(transfer, wish)
      .thenEvents(TransferRequested({ ...wish, owner: null })));

  it('is done once under one id', () =>
    given(Transfer, [asked])
      .when(transfer, { id: transferId, ...wish })
      .thenRejected('TRANSFER_ALREADY_REQUESTED'));

  it('is from one account to another', () =>
    fromAda.when(transfer, { ...wish, toAccountId: fromAccountId.toUpperCase() }).thenRejected('SAME_ACCOUNT'));

  it.each([
    [{ amount: gbp(0) }, 'amount.amount'],
    [{ amount: gbp(2 ** 53) }, 'amount.amount'],
    [{ amount: { amount: 1, currency: 'pounds' } }, 'amount.currency'],
    [{ fromAccountId: 'mine' }, 'fromAccountId'],
    [{ toAccountId: 'yours' }, 'toAccountId'],
    [{ reference: '' }, 'reference'],
    [{ id: 'first' }, 'id'],
  ])('refuses %j', async (bad, path) => {
    await fromAda.when(transfer, { ...wish, ...bad }).thenInvalid(path);
  });

  it.each([STAFF, ADMIN, SYSTEM, customer(ADA)])('may be done by $roles.0', (actor) =>
    fromAda.by(actor).when(transfer, wish).thenEvents(asked),
  );

  it.each([customer(BOB), null])('may not be done by others: %j', (actor) =>
    fromAda.by(actor).when(transfer, wish).thenForbidden(),
  );

  it('may not be done by a customer from an account that there is not', () =>
    given(Transfer).by(customer(ADA)).when(transfer, wish).thenForbidden());
});

const requested = recorded(Transfer, transferId, [asked]);
const sent = recorded(Account, fromAccountId, [MoneySent({ transferId, amount, balance: 40 })], requested);
const received = recorded(Account, toAccountId, [MoneyReceived({ transferId, amount, balance: 60 })], sent);
const returned = recorded(Account, fromAccountId, [MoneyReturned({ transferId, amount, balance: 100 })], sent);

describe('the settlement of a transfer', () => {
  it('takes the money first', () => {
    givenProcess(Settlement, [])
      .whenEvent(requested[0])
      .thenRemembers(SettlementBegun(wish))
      .thenIssues([debitTransfer, { accountId: fromAccountId, transferId, amount, reference: 'Rent' }]);
  });

  it('gives it to the other side when it was taken', () => {
    givenProcess(Settlement, requested)
      .whenEvent(sent[1])
      .thenRemembers(TransferDebited({}))
      .thenIssues([creditTransfer, { accountId: toAccountId, transferId, amount, reference: 'Rent' }]);
  });

  it('is complete when it was given, and lets both sides forget it', () => {
    givenProcess(Settlement, sent)
      .whenEvent(received[2])
      .thenRemembers(TransferCompleted({}))
      .thenIssues(
        [closeTransfer, { accountId: fromAccountId, transferId }],
        [closeTransfer, { accountId: toAccountId, transferId }],
      );
  });

  it('fails if the money is not there: nothing was taken, nothing goes back', () => {
    givenProcess(Settlement, requested)
      .whenRefused(debitTransfer, 'INSUFFICIENT_FUNDS')
      .thenRemembers(TransferFailed({ code: 'INSUFFICIENT_FUNDS', message: 'INSUFFICIENT_FUNDS.' }))
      .thenIssues();
  });

  it('gives the money back if the other side refuses it', () => {
    const refused = givenProcess(Settlement, sent)
      .whenRefused(creditTransfer, 'NOT_FOUND')
      .thenRemembers(TransferRefused({ code: 'NOT_FOUND', message: 'NOT_FOUND.' }))
      .thenIssues([refundTransfer, { accountId: fromAccountId, transferId, reference: 'Rent' }]);
    refused.given.whenEvent(returned[2]).thenRemembers(TransferRefunded({})).thenIssues();
  });

  it('does not begin with money that moves for no transfer of its own', () => {
    givenProcess(Settlement, []).whenEvent(sent[1]).thenNothing();
  });
});
