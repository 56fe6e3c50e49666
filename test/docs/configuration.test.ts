import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type SettingInfo, settings } from '../../src/config.ts';

const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

it('has a row for every setting, as the code declares it', () => {
  const table = page.split('\n').filter((line) => /^\| `[A-Z_]+` \|/.test(line));
  expect(table).toEqual(settings.map(rowOf));
});

function rowOf({ name, default: byDefault, productionDefault, description, secret }: SettingInfo): string {
  const inProduction = productionDefault ? `, in production \`${productionDefault}\`` : '';
  const value = byDefault ? `\`${byDefault}\`${inProduction}` : '';
  return `| \`${name}\` | ${value} | ${description}${secret ? ' Secret.' : ''} |`;
}
