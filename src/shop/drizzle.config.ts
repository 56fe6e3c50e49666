import { defineConfig } from 'drizzle-kit';

/** The tables of the application's read models. */
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/domains/*/read-models.ts',
  // The check for drift generates into a copy.
  out: process.env.DRIZZLE_OUT ?? './src/shop/migrations',
  schemaFilter: ['read'],
});
