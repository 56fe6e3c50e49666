import { z } from 'zod';
import { defineEvent, defineProcess, issue, nonPersonal, personal, type Refusal, unchanged } from '../../index.ts';
import { Id } from '../shared/fields.ts';
import { Money } from '../shared/money.ts';
import { MoneyReceived, MoneyReturned, MoneySent } from './account.ts';
import { closeTransfer, creditTransfer, debitTransfer, refundTransfer } from './account-transfers.ts';
import { TransferRequested } from './transfer.ts';

const Wish = z.object({
  fromAccountId: Id,
  toAccountId: Id,
  amount: Money,
  reference: personal(z.string()).nullish(),
});
/** The message may quote the input. */
const Reason = z.object({ code: nonPersonal(z.string()), message: personal(z.string()) });

export const SettlementBegun = defineEvent('SettlementBegun', { data: Wish });
export const TransferDebited = defineEvent('TransferDebited', { data: z.object({}) });
export const TransferCompleted = defineEvent('TransferCompleted', { data: z.object({}) });
export const TransferFailed = defineEvent('TransferFailed', {
  description: 'The sender’s account has refused; nothing was taken.',
  data: Reason,
});
export const TransferRefused = defineEvent('TransferRefused', {
  description: 'The receiver’s account has refused; what was taken goes back.',
  data: Reason,
});
export const TransferRefunded = defineEvent('TransferRefunded', { data: z.object({}) });

const reasonOf = ({ code, message }: Refusal) => ({ code, message });

/** Coordinates a transfer: debits, credits, and returns the money if the receiver refuses. */
export const Settlement = defineProcess('Settlement', {
  description: 'How a transfer goes on; it has the transfer’s id.',
  initialState: (): z.output<typeof Wish> => ({
    fromAccountId: '',
    toAccountId: '',
    amount: { amount: 0, currency: '' },
  }),
  events: {
    SettlementBegun,
    TransferDebited,
    TransferCompleted,
    TransferFailed,
    TransferRefused,
    TransferRefunded,
  },
  evolve: {
    SettlementBegun: (_, { data }) => data,
    TransferDebited: unchanged,
    TransferCompleted: unchanged,
    TransferFailed: unchanged,
    TransferRefused: unchanged,
    TransferRefunded: unchanged,
  },
  reactsTo: { TransferRequested, MoneySent, MoneyReceived, MoneyReturned },
  issues: { debitTransfer, creditTransfer, refundTransfer, closeTransfer },
  on: {
    TransferRequested: {
      process: ({ streamId }) => streamId,
      begins: true,
      react: (_, { streamId: transferId, data: { fromAccountId, toAccountId, amount, reference } }) => [
        SettlementBegun({ fromAccountId, toAccountId, amount, reference }),
        issue(debitTransfer, { accountId: fromAccountId, transferId, amount, reference }),
      ],
    },
    MoneySent: {
      process: ({ data }) => data.transferId,
      react: ({ toAccountId, amount, reference }, { data: { transferId } }) => [
        TransferDebited({}),
        issue(creditTransfer, { accountId: toAccountId, transferId, amount, reference }),
      ],
    },
    MoneyReceived: {
      process: ({ data }) => data.transferId,
      react: ({ fromAccountId, toAccountId }, { data: { transferId } }) => [
        TransferCompleted({}),
        issue(closeTransfer, { accountId: fromAccountId, transferId }),
        issue(closeTransfer, { accountId: toAccountId, transferId }),
      ],
    },
    MoneyReturned: { process: ({ data }) => data.transferId, react: () => TransferRefunded({}) },
  },
  refused: {
    debitTransfer: (_, refusal) => TransferFailed(reasonOf(refusal)),
    creditTransfer: ({ fromAccountId, reference }, refusal) => [
      TransferRefused(reasonOf(refusal)),
      issue(refundTransfer, { accountId: fromAccountId, transferId: refusal.input.transferId, reference }),
    ],
  },
});
