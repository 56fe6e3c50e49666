import { defineConfig } from 'drizzle-kit';

/** The engine's own tables. Those of the application are in `src/shop/drizzle.config.ts`. */
export default defineConfig({
  dialect: 'postgresql',
  schema: ['./src/database/schema.ts', './src/kernel/define/process-manager/process-deadlines.ts'],
  // The check for drift generates into a copy.
  out: process.env.DRIZZLE_OUT ?? './drizzle',
  schemaFilter: ['es', 'read'],
});
