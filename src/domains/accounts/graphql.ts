import { and, desc, eq, inArray, lte } from 'drizzle-orm';
import type { Api } from '../../graphql/index.ts';
import { valueTypes } from '../shared/graphql.ts';
import { accounts, accountsTable, entries, entriesTable, transfers, transfersTable } from './read-models.ts';

/** The same answer for every reason, so that transfers do not reveal which accounts exist and in which currency. */
const NOT_ACCEPTED = 'NOT_ACCEPTED: The receiver cannot take it; the money goes back.';

export function accountsGraphql(api: Api): void {
  const { builder } = api;
  const { Money } = valueTypes(api);

  const Account = api.readModel('Account', accounts, {
    node: true,
    description: 'Money of one owner, in one currency.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      owner: t.exposeString('owner', { description: 'The owner.' }),
      balance: t.field({
        type: Money,
        description: 'The current balance. Transfers in progress are already deducted.',
        resolve: ({ balance, currency }) => ({ amount: balance, currency }),
      }),
      openedAt: t.expose('openedAt', { type: 'DateTime', description: 'When it was opened.' }),
      version: t.exposeInt('version', { description: 'The stream version that this view reflects.' }),
    }),
  });

  const Kind = builder.enumType('AccountEntryKind', {
    description: 'What a line of a statement stands for.',
    values: {
      DEPOSIT: { description: 'Money was paid in.' },
      WITHDRAWAL: { description: 'Money was paid out.' },
      TRANSFER_OUT: { description: 'Money was sent to another account.' },
      TRANSFER_IN: { description: 'Money came from another account.' },
      REFUND: { description: 'Money that was sent came back, because its receiver could not accept it.' },
    } as const,
  });
  const Entry = api.readModel('AccountEntry', entries, {
    description: 'A line of the statement, with the balance after it.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      version: t.exposeInt('version', {
        description: 'Its place in the account’s stream; there are gaps between lines.',
      }),
      kind: t.expose('kind', { type: Kind, description: 'What happened.' }),
      amount: t.field({
        type: Money,
        description: 'The amount; always above zero, the kind gives the direction.',
        resolve: ({ amount, currency }) => ({ amount, currency }),
      }),
      balance: t.field({
        type: Money,
        description: 'The balance after the entry.',
        resolve: ({ balance, currency }) => ({ amount: balance, currency }),
      }),
      reference: t.exposeString('reference', { nullable: true, description: 'The reference.' }),
      occurredAt: t.expose('occurredAt', { type: 'DateTime', description: 'When it was.' }),
    }),
  });
  const EntryConnection = api.connection('Entry', Entry);

  const State = builder.enumType('TransferState', {
    description: 'The state of a transfer.',
    values: {
      REQUESTED: { description: 'Nothing has been moved yet.' },
      DEBITED: { description: 'The sender has paid, the receiver has not got it yet.' },
      COMPLETED: { description: 'The receiver has the money.' },
      REFUNDED: { description: 'The receiver could not accept it; the sender has the money back.' },
      FAILED: { description: 'The sender could not pay; no money was moved.' },
    } as const,
  });
  const Transfer = api.readModel('Transfer', transfers, {
    node: true,
    description: 'Money on its way from one account to another.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      state: t.field({ type: State, description: 'The state.', resolve: ({ state }) => state }),
      amount: t.field({
        type: Money,
        description: 'The amount.',
        resolve: ({ amount, currency }) => ({ amount, currency }),
      }),
      fromAccountId: t.exposeID('fromAccountId', { description: 'The account that sends the money.' }),
      toAccountId: t.exposeID('toAccountId', { description: 'The destination.' }),
      failure: t.string({
        nullable: true,
        extensions: api.readsFrom(accounts),
        description: `Why it failed or goes back: a code, a colon and a sentence. Null if all is well. If the receiver could not take
it, only those who may see their account are told why.`,
        resolve: async ({ state, failure, toAccountId }, _, { rows }) => {
          // Only refusals by the sender's account end as FAILED, and the sender may see the reason.
          if (failure === null || state === 'FAILED') return failure;
          const mayKnow = rows.visibility(accounts) === 'all' || (await rows.byKey(accounts, toAccountId)) !== null;
          return mayKnow ? failure : NOT_ACCEPTED;
        },
      }),
      requestedAt: t.expose('requestedAt', { type: 'DateTime', description: 'When it was requested.' }),
    }),
  });

  const AccountConnection = api.connection('Account', Account);
  const AccountFilter = builder.inputType('AccountFilter', {
    description: 'Filters accounts; all given conditions must hold.',
    fields: (t) => ({
      owner: t.string({ description: 'Of this owner.' }),
      currency: t.string({ description: 'In this currency: an ISO 4217 code.' }),
    }),
  });
  const TransferConnection = api.connection('Transfer', Transfer);
  const TransferFilter = builder.inputType('TransferFilter', {
    description: 'Filters transfers; all given conditions must hold.',
    fields: (t) => ({
      accountId: t.id({ description: 'From or to this account.' }),
      state: t.field({ type: [State], description: 'In one of these states.' }),
    }),
  });

  api.queryByKey('account', Account, 'An account; null if there is none that you may see.');
  api.queryByKey('transfer', Transfer, 'A transfer; null if there is none that you may see.');
  api.subscriptionToRow('accountUpdated', Account, 'The account now, and again each time its read model changes.');
  api.subscriptionToRow('accountEntryUpdated', Entry, 'The line now, and again each time its read model changes.');
  api.subscriptionToRow('transferUpdated', Transfer, 'The transfer now, and again each time its read model changes.');
  builder.queryField('accounts', (t) =>
    t.field({
      type: AccountConnection,
      nullable: true,
      description: 'Accounts that you may see, the newest first.',
      args: { ...api.pageArguments(t), filter: t.arg({ type: AccountFilter, description: 'Only these.' }) },
      resolve: (_, { filter, ...args }, { rows }, info) => {
        const { owner, currency } = filter ?? {};
        const where = [
          owner == null ? undefined : eq(accountsTable.owner, api.storableText(owner, 'An owner')),
          currency == null ? undefined : eq(accountsTable.currency, api.storableText(currency, 'A currency')),
        ];
        return rows.page(accounts, { args, sortBy: accountsTable.openedAt, direction: 'desc', where, info });
      },
    }),
  );
  builder.queryField('transfers', (t) =>
    t.field({
      type: TransferConnection,
      nullable: true,
      description: 'Transfers that you may see, the newest first. Customers see those of their money.',
      args: { ...api.pageArguments(t), filter: t.arg({ type: TransferFilter, description: 'Only these.' }) },
      resolve: (_, { filter, ...args }, { rows }, info) => {
        const { accountId, state } = filter ?? {};
        const account = accountId == null ? undefined : api.keyFor(accounts, accountId);
        const { fromAccountId, toAccountId, state: column } = transfersTable;
        const states = state ? [...new Set(state)] : undefined;
        // Searching by account finds fewer rows than searching by state.
        const anyOf =
          account === undefined
            ? states?.map((one) => eq(column, one))
            : [eq(fromAccountId, account), eq(toAccountId, account)];
        const where = account !== undefined && states ? [inArray(column, states)] : [];
        const sorted = { sortBy: transfersTable.requestedAt, direction: 'desc' } as const;
        return rows.page(transfers, { args, info, ...sorted, where, ...(anyOf && { anyOf }) });
      },
    }),
  );
  builder.objectField(Account.ref, 'entries', (t) =>
    t.field({
      type: EntryConnection,
      description: 'The statement, newest first.',
      args: api.pageArguments(t),
      resolve: ({ id }, args, { rows }) =>
        rows.pageOfParts(entries, entriesTable.accountId, id, {
          args,
          sortBy: entriesTable.version,
          direction: 'desc',
        }),
    }),
  );
  builder.queryField('balanceAt', (t) =>
    t.field({
      type: Money,
      nullable: true,
      description: `The balance of an account at a moment: an entry counts from its own instant on. Null before the account was opened,
and if there is none that you may see.`,
      extensions: api.readsFrom(accounts, entries),
      args: {
        accountId: t.arg.id({ required: true, description: 'The account.' }),
        at: t.arg({ type: 'DateTime', required: true, description: 'The moment.' }),
      },
      resolve: async (_, { accountId, at }, { rows }) => {
        const account = await rows.byKey(accounts, accountId);
        if (!account || at < account.openedAt) return null;
        const [last] = await rows.db
          .select({ balance: entriesTable.balance })
          .from(entriesTable)
          .where(and(eq(entriesTable.accountId, account.id), lte(entriesTable.occurredAt, at)))
          .orderBy(desc(entriesTable.occurredAt), desc(entriesTable.version))
          .limit(1)
          .prepare('balance_at')
          .execute();
        return { amount: last?.balance ?? 0, currency: account.currency };
      },
    }),
  );
}
