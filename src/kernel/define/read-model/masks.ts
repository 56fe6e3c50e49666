import type { PgColumn } from 'drizzle-orm/pg-core';
import { ERASED } from '../personal/subject.ts';

/** What stands for an erased value of a type, as text. */
const MASKS: readonly (readonly [type: RegExp, text: string])[] = [
  [/\]$/, '{}'],
  [/^(text|varchar|character|char|bpchar|citext)/, ERASED],
  [/multirange$/, '{}'],
  [/range$/, 'empty'],
  [/^(small|big)?int(eger)?(\(|$)|^(int[248]|numeric|decimal|real|double|float|money)/, '0'],
  [/^bool/, 'false'],
  [/^uuid$/, '00000000-0000-0000-0000-000000000000'],
  [/^(date|timestamp)/, '1970-01-01 00:00:00Z'],
  [/^time/, '00:00:00Z'],
  [/^interval/, '0'],
  [/^(inet|cidr)$/, '0.0.0.0'],
  [/^macaddr$/, '00:00:00:00:00:00'],
  [/^macaddr8$/, '00:00:00:00:00:00:00:00'],
  [/^point$/, '(0,0)'],
  [/^jsonb?$/, 'null'],
  [/^(bytea|tsvector|xml)$/, ''],
];

/**
 * What stands for an erased value of a column, as text that Postgres converts to its type: `[erased]`, 0, an empty list, the first value
 * of an enumeration. Undefined if none is known for its type.
 */
export function maskTextOf(column: PgColumn): string | undefined {
  const [first] = column.enumValues ?? [];
  const type = column.getSQLType().toLowerCase();
  return first ?? MASKS.find(([pattern]) => pattern.test(type))?.[1];
}
