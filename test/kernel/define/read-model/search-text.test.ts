import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import type postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrateDatabase } from '../../../../src/database/migrations/migrate.ts';
import { searchText, searchTextIn, sortText } from '../../../../src/kernel/define/read-model/search-text.ts';
import { connect, useDatabase } from '../../../support/postgres/database.ts';

describe('text that is searched', () => {
  it.each([
    ['Émile', 'emile'],
    ['ÜBERSICHT', 'übersicht'],
    ['İstanbul', 'istanbul'],
    ['ΟΔΟΣ', 'οδος'],
    ['Ёлка', 'елка'],
    ['ﬁne №1', 'fine no1'],
    ['e\u0301', 'é'],
  ])('is the same for %s and %s', (one, other) => {
    expect(searchText(one)).toBe(searchText(other));
  });

  it('keeps letters apart that differ by more', () => {
    expect(searchText('Groß')).toBe('groß');
    expect(searchText('smør')).toBe('smør');
  });

  it('is the same when it is folded again', () => {
    for (const text of ['ÉMILE', 'İ', 'ﬀ', 'Ǆ']) expect(searchText(searchText(text))).toBe(searchText(text));
  });
});

describe('text that is sorted by', () => {
  it('has no case and no accents', () => {
    expect(['Zoë', 'émile', 'Ada'].map(sortText).sort()).toEqual(['ada', 'emile', 'zoe']);
  });

  it('is short enough for an index, whatever it is made from', () => {
    for (const text of ['ﷺ'.repeat(200), '한'.repeat(200), '🦀'.repeat(200), 'x'.repeat(200), `x${'🦀'.repeat(99)}`]) {
      const sorted = sortText(text);
      expect(sorted.isWellFormed()).toBe(true);
      expect(Buffer.byteLength(sorted)).toBeLessThanOrEqual(300);
      expect(sorted.length).toBeGreaterThanOrEqual(99);
    }
  });
});

describe('text that is searched in Postgres', () => {
  const database = useDatabase({ per: 'file' });
  let inLocaleC: postgres.Sql;
  let name: string;

  beforeAll(async () => {
    name = `afterwrite_locale_c_${randomUUID().slice(0, 8)}`;
    await database.sql`create database ${database.sql(name)} template template0 locale_provider libc locale 'C' encoding 'UTF8'`;
    const url = new URL(database.url);
    url.pathname = `/${name}`;
    await migrateDatabase(url.href);
    inLocaleC = connect(url.href);
  });
  afterAll(async () => {
    await inLocaleC.end({ timeout: 1 });
    await database.sql`drop database ${database.sql(name)} with (force)`;
  });

  it.each([
    'Émile ÜBERSICHT smør Groß İstanbul ﬁne №1',
    'ΟΔΟΣ Ὀδυσσεύς Ёлка Đặng Łódź Ǆ',
    'שָׁלוֹם مُحَمَّد हिन्दी ไทย 한국어 カﾞ',
    'e\u0301 \u{1e8d0}x \u{1d400}b',
  ])('is the same as in JavaScript in a database of locale C: %s', async (text) => {
    const query = new PgDialect().sqlToQuery(sql`select ${searchTextIn(sql`${text}::text`)} as folded`);
    const [row] = await inLocaleC.unsafe(query.sql, query.params as string[]);
    expect(row?.folded).toBe(searchText(text));
    const [plain] = await inLocaleC`select lower('É') as folded`;
    expect(plain?.folded).toBe('É');
  });
});
