import { z } from 'zod';
import { defineCommand } from '../../index.ts';
import { id } from '../shared/fields.ts';
import { MoneyInput } from '../shared/money.ts';
import {
  Account,
  MoneyReceived,
  MoneyReturned,
  MoneySent,
  reference,
  refuseIncoming,
  refuseOutgoing,
  TransferClosed,
} from './account.ts';

// The effects of a transfer on an account. Only the application issues these commands; they are not in the API. Each
// can be repeated while the transfer is open. After that, a repeat is the same command with the same id, which the log
// knows.

const transferId = id('The transfer.');
const accountId = id('The account.');
const TransferLine = z.object({ accountId, transferId, amount: MoneyInput, reference });
const TransferEnd = z.object({ accountId, transferId });

export const debitTransfer = defineCommand('debitTransfer', {
  description: 'Debits the amount of a transfer.',
  aggregate: Account,
  input: TransferLine,
  id: (input) => input.accountId,
  allow: ['system'],
  decide: (account, { transferId, amount, reference }) => {
    if (account.sent[transferId] !== undefined) return [];
    const balance = account.balance - amount.amount;
    return refuseOutgoing(account, amount) ?? MoneySent({ transferId, amount, balance, reference });
  },
});

export const creditTransfer = defineCommand('creditTransfer', {
  description: 'Adds the money of a transfer to the account that receives it.',
  aggregate: Account,
  input: TransferLine,
  id: (input) => input.accountId,
  allow: ['system'],
  decide: (account, { transferId, amount, reference }) => {
    if (account.received.includes(transferId)) return [];
    const balance = account.balance + amount.amount;
    return refuseIncoming(account, amount) ?? MoneyReceived({ transferId, amount, balance, reference });
  },
});

export const refundTransfer = defineCommand('refundTransfer', {
  description: 'Gives back what a transfer has taken. There is always room for it.',
  aggregate: Account,
  input: z.object({ accountId, transferId, reference }),
  id: (input) => input.accountId,
  allow: ['system'],
  decide: (account, { transferId, reference }) => {
    const sent = account.sent[transferId];
    if (sent === undefined) return [];
    const amount = { amount: sent, currency: account.currency };
    return MoneyReturned({ transferId, amount, balance: account.balance + sent, reference });
  },
});

export const closeTransfer = defineCommand('closeTransfer', {
  description: 'Forgets a transfer that is over.',
  aggregate: Account,
  input: TransferEnd,
  id: (input) => input.accountId,
  allow: ['system'],
  decide: ({ sent, received }, { transferId }) =>
    sent[transferId] !== undefined || received.includes(transferId) ? TransferClosed({ transferId }) : [],
});
