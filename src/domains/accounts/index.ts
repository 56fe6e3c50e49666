import { defineDomain } from '../../index.ts';
import { Account, deposit, openAccount, withdraw } from './account.ts';
import { accountsGraphql } from './graphql.ts';
import { accounts, entries, transfers } from './read-models.ts';
import { Settlement } from './settlement.ts';
import { Transfer, transfer } from './transfer.ts';

export { Account, deposit, openAccount, withdraw } from './account.ts';
export { accounts, entries, transfers } from './read-models.ts';
export { Settlement } from './settlement.ts';
export { Transfer, transfer } from './transfer.ts';

export const accountsDomain = defineDomain({
  name: 'accounts',
  aggregates: [Account, Transfer],
  commands: [openAccount, deposit, withdraw, transfer],
  projections: [accounts, entries, transfers],
  processes: [Settlement],
  graphql: accountsGraphql,
});
