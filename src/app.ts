import { domains } from './domains/index.ts';
import { defineApp } from './index.ts';
import { demoCommand } from './shop/demo/demo-command.ts';
import { importCommand } from './shop/import/import-command.ts';
import { operations } from './shop/operations.ts';
import { gatewayCommand } from './shop/payments/gateway-command.ts';
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
  commands: [demoCommand, importCommand, gatewayCommand],
});
