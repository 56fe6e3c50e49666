import { describe, expect, it } from 'vitest';
import { connect } from '../../support/postgres/database.ts';
import { type AppMigration, makes, tablesOf, useAppMigrations } from './app-migrations.ts';

const { emptyDatabase, migrate } = useAppMigrations();

// Later than all migrations of the product.
const BASE = 5_000_000_000_000;
const first = makes('first', BASE + 1);
const adds = makes('second', BASE + 2);
/** A later step of the same change, which takes from older code what it works with. */
const takes = (comment: string): AppMigration => ({
  tag: 'takes',
  when: BASE + 3,
  sql: `${comment}\ndrop table public.first`,
});

describe('code that is older than the migrations that an application has applied', () => {
  it('runs, since a migration only adds to what older code knows, and applies nothing', async () => {
    const url = await emptyDatabase();
    await migrate(url, [first, adds]);
    expect(await migrate(url, [first])).toEqual({
      applied: 0,
      notices: ['A newer version of the application has migrated the database. This one runs on it.'],
    });
    expect(await tablesOf(url)).toEqual(['first', 'second']);
    expect(await migrate(url, [first, adds])).toEqual({ applied: 0, notices: [] });
  });

  it('is refused if it lacks a migration that a newer one needs; code that has that one runs', async () => {
    const url = await emptyDatabase();
    const all = [first, adds, takes(`-- afterwrite: needs ${adds.tag}`)];
    await migrate(url, all);
    await expect(migrate(url, [first])).rejects.toMatchObject({
      code: 'DATABASE_NEWER',
      message: expect.stringContaining('newer version of the application'),
    });
    expect((await migrate(url, [first, adds])).applied).toBe(0);
    expect((await migrate(url, all)).applied).toBe(0);
  });

  it('runs on a database of a release that did not know what migrations need', async () => {
    const url = await emptyDatabase();
    await migrate(url, [first]);
    const sql = connect(url);
    await sql`alter table drizzle.app_migrations drop column least`;
    await sql.end({ timeout: 1 });
    await migrate(url, [first, adds, takes(`-- afterwrite: needs ${adds.tag}`)]);
    await expect(migrate(url, [first])).rejects.toMatchObject({ code: 'DATABASE_NEWER' });
  });
});

it.each([
  ['needs secnd', 'names secnd, which is no migration of this folder'],
  ['least second', 'is not understood'],
])('a migration with a comment for the engine that is wrong is refused: %s', async (comment, reason) => {
  const url = await emptyDatabase();
  await expect(migrate(url, [first, adds, takes(`-- afterwrite: ${comment}`)])).rejects.toMatchObject({
    code: 'MIGRATION_FAILED',
    message: expect.stringContaining(
      `The migration takes was not applied: its comment “afterwrite: ${comment}” ${reason}.`,
    ),
  });
  expect(await tablesOf(url)).toEqual([]);
});
