import { z } from 'zod';
import { defineAggregate, defineCommand, defineEvent, personal, reject } from '../../index.ts';
import { Id, id, newId } from '../shared/fields.ts';
import { Money, MoneyInput } from '../shared/money.ts';
import { customer } from '../shared/person.ts';
import { Account, isSomething, NOTHING, reference } from './account.ts';

export const TransferRequested = defineEvent('TransferRequested', {
  data: z.object({
    fromAccountId: Id,
    toAccountId: Id,
    amount: Money,
    reference: personal(z.string()).nullish(),
    /** The owner of the money; null if there was no such account. */
    owner: personal(z.string()).nullable(),
  }),
});

interface TransferState {
  readonly isRequested: boolean;
  /** The owner of the money; null if there was no such account. */
  readonly owner: string | null;
}

/** The request for a transfer. The settlement, which has the same id, records its progress. */
export const Transfer = defineAggregate('Transfer', {
  description: 'The wish that money goes from one account to another.',
  visibleTo: { staff: 'all', system: 'all', customer: (actor, transfer) => transfer.owner === actor.id },
  subject: ({ owner }) => (owner === null ? undefined : customer(owner)),
  initialState: (): TransferState => ({ isRequested: false, owner: null }),
  snapshot: { stateVersion: 2 },
  events: { TransferRequested },
  evolve: { TransferRequested: (_, { data: { owner } }) => ({ isRequested: true, owner }) },
});

export const transfer = defineCommand('transfer', {
  description: `Sends money from one account to another. The receipt only says that it has begun; \`transfer(id)\` shows the progress.
It fails if the sender does not have the money, and is refunded if the receiver cannot accept it. Customers may send from their
own accounts.`,
  aggregate: Transfer,
  creates: true,
  input: z
    .object({
      id: newId(),
      fromAccountId: id('The account that sends the money.'),
      toAccountId: id('The destination.'),
      amount: MoneyInput,
      reference,
    })
    .refine(isSomething, NOTHING),
  id: (input) => input.id,
  // The owner of an account never changes. The settlement finds out if the account does not exist yet.
  gather: async ({ fromAccountId }, { load }) => ({ owner: (await load(Account, fromAccountId))?.owner ?? null }),
  allow: { staff: true, system: true, customer: (actor, _, __, facts) => facts?.owner === actor.id },
  decide: (transfer, { fromAccountId, toAccountId, amount, reference }, { owner }) => {
    if (transfer.isRequested) return reject('TRANSFER_ALREADY_REQUESTED', 'A transfer with this id was begun before.');
    if (fromAccountId === toAccountId) return reject('SAME_ACCOUNT', 'Both sides are the same account.');
    return TransferRequested({ fromAccountId, toAccountId, amount, reference, owner });
  },
});
