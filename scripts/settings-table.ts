import { readFileSync, writeFileSync } from 'node:fs';
import app from '../src/app.ts';
import { settingsWith } from '../src/settings/config.ts';
import type { SettingInfo } from '../src/settings/setting.ts';

const page = new URL('../docs/configuration.md', import.meta.url);

/** The page with its table of settings replaced by one that is made from the code. */
export function withSettingsTable(text: string): string {
  const lines = text.split('\n');
  const isRow = (line: string) => /^\| `[A-Z_]+` \|/.test(line);
  const first = lines.findIndex(isRow);
  const others = lines.filter((line) => !isRow(line));
  return others.toSpliced(first, 0, ...settingsWith(app.settings).map(rowOf)).join('\n');
}

function rowOf({ name, default: byDefault, productionDefault, description, secret }: SettingInfo): string {
  const inProduction = productionDefault ? `, in production \`${productionDefault}\`` : '';
  const value = byDefault ? `\`${byDefault}\`${inProduction}` : '';
  return `| \`${name}\` | ${value} | ${description}${secret ? ' Secret.' : ''} |`;
}

if (import.meta.main) writeFileSync(page, withSettingsTable(readFileSync(page, 'utf8')));
