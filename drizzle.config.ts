import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: ['./src/database/schema.ts', './src/domains/*/read-models.ts'],
  out: './drizzle',
  schemaFilter: ['es', 'read'],
});
