import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import app from '../../src/app.ts';
import { settingsWith } from '../../src/settings/config.ts';

const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
const settings = settingsWith(app.settings);
/** A row of the table: what is limited, the settings, the default, and the answer beyond it. */
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| what |'))
  .map((line) => line.split('|').slice(1, -1));
/** Numbers that limit nothing. */
const NO_LIMITS = ['PORT', 'OPS_PORT'];

/** Every setting that is a number: by its default or, if it is off unless it is set, by the unit in its name. */
const limits = settings.filter(
  ({ name, default: byDefault }) =>
    !NO_LIMITS.includes(name) && (/^\d+$/.test(byDefault ?? '') || /_(BYTES|MS|S|LIMIT)$/.test(name)),
);
const rowsOf = (name: string) => rows.filter(([, setting]) => setting?.includes(`\`${name}\``));

/** How a number may be written. */
function spellings(value: number): string[] {
  return [
    value.toLocaleString('en'),
    ...(value % 2 ** 20 === 0 ? [`${value / 2 ** 20} MiB`] : []),
    ...(value % 2 ** 10 === 0 ? [`${value / 2 ** 10} KiB`] : []),
    ...(value % 1000 === 0 ? [`${value / 1000} s`] : []),
  ];
}

describe('docs/security.md', () => {
  it('has rows of four columns only', () => {
    expect(rows.filter(({ length }) => length !== 4)).toEqual([]);
  });

  it.each(limits.map(({ name }) => name))('names %s in one row', (name) => {
    expect(rowsOf(name)).toHaveLength(1);
  });

  it('names no setting that does not exist', () => {
    const known = new Set(settings.map(({ name }) => name));
    const named = rows.flatMap(([, setting]) => [...(setting ?? '').matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name));
    expect(named.filter((name) => !known.has(name ?? ''))).toEqual([]);
  });

  const withDefault = limits.filter((limit) => limit.default !== undefined);
  it.each(withDefault.map((limit) => [limit.name, limit] as const))('has the default of %s', (name, limit) => {
    const value = Number(limit.productionDefault ?? limit.default);
    const [, , told] = rowsOf(name)[0] ?? [];
    expect(spellings(value).some((text) => told?.trim().match(new RegExp(`^${text}(?![\\d,])`)))).toBe(true);
  });
});
