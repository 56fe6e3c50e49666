import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { withSettingsTable } from '../../scripts/settings-table.ts';

const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

it('has the table of settings that `npm run docs:settings` writes', () => {
  expect(page).toBe(withSettingsTable(page));
});
