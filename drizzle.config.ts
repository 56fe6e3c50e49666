import { defineConfig } from 'drizzle-kit';

/** The engine's own tables. It makes those of read models from their definitions. */
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/database/schema/*.ts',
  // The check for drift generates into a copy.
  out: process.env.DRIZZLE_OUT ?? './drizzle',
  schemaFilter: ['es', 'read'],
});
