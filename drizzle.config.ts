import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: ['./src/database/schema.ts', './src/kernel/define/process-deadlines.ts', './src/domains/*/read-models.ts'],
  // The check for drift generates into a copy.
  out: process.env.DRIZZLE_OUT ?? './drizzle',
  schemaFilter: ['es', 'read'],
});
