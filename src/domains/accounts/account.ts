import { z } from 'zod';
import {
  type Allow,
  defineAggregate,
  defineCommand,
  defineEvent,
  MAX_ACTOR_ID,
  nonPersonal,
  personal,
  type Rejection,
  reject,
} from '../../index.ts';
import { Id, id, newId, text } from '../shared/fields.ts';
import { currency, Money, MoneyInput } from '../shared/money.ts';
import { customer } from '../shared/person.ts';

/**
 * The data of every line of the statement. The balance follows from the lines before it, but it is stored: the owner
 * was shown it, and a line of the statement can then be made from its own event alone.
 */
const line = { amount: Money, balance: z.int(), reference: personal(z.string()).nullish() };
const transferLine = { ...line, transferId: Id };

export const AccountOpened = defineEvent('AccountOpened', {
  data: z.object({ owner: personal(z.string()), currency: nonPersonal(z.string()) }),
});
export const MoneyDeposited = defineEvent('MoneyDeposited', { data: z.object(line) });
export const MoneyWithdrawn = defineEvent('MoneyWithdrawn', { data: z.object(line) });
export const MoneySent = defineEvent('MoneySent', {
  description: 'A transfer has debited money, which is in transit until the transfer ends.',
  data: z.object(transferLine),
});
export const MoneyReceived = defineEvent('MoneyReceived', {
  description: 'A transfer has credited money.',
  data: z.object(transferLine),
});
export const MoneyReturned = defineEvent('MoneyReturned', {
  description: 'A transfer has returned its money, because the other side refused it.',
  data: z.object(transferLine),
});
export const TransferClosed = defineEvent('TransferClosed', {
  description: 'A transfer is over: the account no longer needs to remember it. Not a line of the statement.',
  data: z.object({ transferId: Id }),
});

export interface AccountState {
  readonly status: 'NONE' | 'OPEN';
  readonly owner: string;
  readonly currency: string;
  /** In minor units of the currency, and never below zero. */
  readonly balance: number;
  /** Amounts that transfers in progress have taken, by transfer id. */
  readonly sent: Readonly<Record<string, number>>;
  /** Ids of transfers in progress that have brought money. */
  readonly received: readonly string[];
}

export const Account = defineAggregate('Account', {
  description: 'Money of one owner, in one currency.',
  visibleTo: { staff: 'all', system: 'all', customer: (actor, account) => account.owner === actor.id },
  subject: ({ owner }) => customer(owner),
  initialState: (): AccountState => ({
    status: 'NONE',
    owner: '',
    currency: '',
    balance: 0,
    sent: {},
    received: [],
  }),
  events: {
    AccountOpened,
    MoneyDeposited,
    MoneyWithdrawn,
    MoneySent,
    MoneyReceived,
    MoneyReturned,
    TransferClosed,
  },
  evolve: {
    AccountOpened: (account, { data }) => ({ ...account, status: 'OPEN', ...data }),
    MoneyDeposited: (account, { data: { balance } }) => ({ ...account, balance }),
    MoneyWithdrawn: (account, { data: { balance } }) => ({ ...account, balance }),
    MoneySent: (account, { data: { transferId, amount, balance } }) => ({
      ...account,
      balance,
      sent: { ...account.sent, [transferId]: amount.amount },
    }),
    MoneyReceived: (account, { data: { transferId, balance } }) => ({
      ...account,
      balance,
      received: [...account.received, transferId],
    }),
    MoneyReturned: (account, { data: { transferId, balance } }) => ({ ...without(account, transferId), balance }),
    TransferClosed: (account, { data: { transferId } }) => without(account, transferId),
  },
});

function without(account: AccountState, transferId: string): AccountState {
  const { [transferId]: _, ...sent } = account.sent;
  return { ...account, sent, received: account.received.filter((received) => received !== transferId) };
}

/** Refuses an amount that an account cannot take in: money in transit must have room to come back. */
export function refuseIncoming(account: AccountState, amount: Money): Rejection | undefined {
  const inTransit = Object.values(account.sent).reduce((sum, sent) => sum + sent, 0);
  const room = Number.MAX_SAFE_INTEGER - account.balance - inTransit;
  return (
    refuseCurrency(account, amount) ??
    (amount.amount > room
      ? reject('BALANCE_TOO_LARGE', 'The balance would be more than can be told exactly: 2^53 - 1 minor units.')
      : undefined)
  );
}

/** Refuses an amount that cannot be taken from an account. */
export function refuseOutgoing(account: AccountState, amount: Money): Rejection | undefined {
  const { balance, currency } = account;
  return (
    refuseCurrency(account, amount) ??
    (amount.amount > balance
      ? reject('INSUFFICIENT_FUNDS', `The account holds ${balance} minor units of ${currency}, not ${amount.amount}.`)
      : undefined)
  );
}

function refuseCurrency(account: AccountState, { currency }: Money): Rejection | undefined {
  if (currency === account.currency) return undefined;
  return reject('CURRENCY_MISMATCH', `The account is kept in ${account.currency}, not in ${currency}.`);
}

/** True for an amount above zero. */
export function isSomething({ amount }: { readonly amount: Money }): boolean {
  return amount.amount > 0;
}
export const NOTHING = { path: ['amount', 'amount'], message: 'An amount must be at least 1.' };
export const reference = text('A reference', 140, '').nullish().describe('The reference on the statement.');

const AccountAmountInput = z
  .object({ accountId: id('The account.'), amount: MoneyInput, reference })
  .refine(isSomething, NOTHING)
  .meta({ id: 'AccountAmountInput', description: 'An account and an amount of money, in the account’s currency.' });

const staffOrOwner: Allow<AccountState, unknown> = {
  staff: true,
  system: true,
  customer: (actor, _, account) => account.owner === actor.id,
};

export const openAccount = defineCommand('openAccount', {
  description:
    'Opens an empty account. Customers open accounts for themselves: the owner is the id with which they are signed in.',
  aggregate: Account,
  creates: true,
  input: z.object({
    id: newId(),
    owner: text('An owner', MAX_ACTOR_ID, '')
      .overwrite((owner) => (z.guid().safeParse(owner).success ? owner.toLowerCase() : owner))
      .describe('The owner: a customer’s id, or any other id of a person.'),
    currency: currency('ISO 4217 code, such as GBP: the account’s only currency.'),
  }),
  id: (input) => input.id,
  allow: { staff: true, system: true, customer: (actor, input) => input.owner === actor.id },
  decide: (account, { owner, currency }) =>
    account.status === 'NONE'
      ? AccountOpened({ owner, currency })
      : reject('ACCOUNT_ALREADY_OPENED', 'An account with this id was opened before.'),
});

export const deposit = defineCommand('deposit', {
  description: 'Records money that was received: for staff, and for the system that has received it.',
  aggregate: Account,
  input: AccountAmountInput,
  id: (input) => input.accountId,
  allow: ['staff', 'system'],
  decide: (account, { amount, reference }) =>
    refuseIncoming(account, amount) ?? MoneyDeposited({ amount, balance: account.balance + amount.amount, reference }),
});

export const withdraw = defineCommand('withdraw', {
  description: 'Withdraws money, at most the balance.',
  aggregate: Account,
  input: AccountAmountInput,
  id: (input) => input.accountId,
  allow: staffOrOwner,
  decide: (account, { amount, reference }) =>
    refuseOutgoing(account, amount) ?? MoneyWithdrawn({ amount, balance: account.balance - amount.amount, reference }),
});
