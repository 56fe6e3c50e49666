import { domains } from './domains/index.ts';
import { defineApp } from './index.ts';
import { operations } from './shop/operations.ts';
import { provideAdapters } from './shop/payments/provide-adapters.ts';
import { roles } from './shop/roles.ts';
import { settings } from './shop/settings.ts';

/** A shop with accounts, notes and articles: it shows what the product is for, and tests it. */
export default defineApp({
  name: 'shop',
  roles,
  developerRoles: ['admin'],
  domains,
  settings,
  adapters: provideAdapters,
  graphiql: { documents: operations },
  commands: async () => (await import('./shop/commands.ts')).commands,
});
