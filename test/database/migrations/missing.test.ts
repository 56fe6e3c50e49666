import { describe, expect, it } from 'vitest';
import { connect } from '../../support/postgres/database.ts';
import { makes, tablesOf, useAppMigrations } from './app-migrations.ts';

const { emptyDatabase, migrate } = useAppMigrations();

// Years apart from all migrations of the product, on both sides.
describe.each([
  ['long ago', 1_000],
  ['in the future', 5_000_000_000_000],
])('a migration that is merged after a newer one was applied, of times %s', (_, base) => {
  const [oldest, older, newer] = [makes('a', base + 1), makes('b', base + 2), makes('c', base + 3)];

  it('is applied at the next start, which names it', async () => {
    const url = await emptyDatabase();
    await migrate(url, [oldest, newer]);
    const merged = await migrate(url, [oldest, older, newer]);
    expect(merged).toEqual({
      applied: 1,
      notices: [
        `The migration ${older.tag} is older than the newest one that was applied, and the database has not had it: it is applied now.`,
      ],
    });
    expect(await tablesOf(url)).toEqual(['a', 'b', 'c']);
    expect(await migrate(url, [oldest, older, newer])).toEqual({ applied: 0, notices: [] });
  });

  it('changes nothing and is named if it does not work any more', async () => {
    const url = await emptyDatabase();
    await migrate(url, [oldest, newer]);
    const broken = { ...older, sql: 'create table public.b (); --> statement-breakpoint\ncreate table public.c ()' };
    await expect(migrate(url, [oldest, broken, newer])).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      message: expect.stringMatching(
        new RegExp(`The migration ${older.tag} failed, nothing was changed: .*relation "c" already exists`),
      ),
    });
    expect(await tablesOf(url)).toEqual(['a', 'c']);
  });

  it('is not applied again under another name and time', async () => {
    const url = await emptyDatabase();
    await migrate(url, [oldest, newer]);
    const renamed = { ...newer, tag: 'renamed', when: newer.when + 1 };
    expect(await migrate(url, [oldest, renamed])).toEqual({ applied: 0, notices: [] });
  });
});

describe('a migration that was applied', () => {
  it('is named if its file has changed since, because the database lacks what was added', async () => {
    const url = await emptyDatabase();
    const first = makes('a', 5_000_000_000_000);
    await migrate(url, [first]);
    expect(await migrate(url, [{ ...first, sql: 'create table public.a (); create table public.b ()' }])).toEqual({
      applied: 0,
      notices: [
        `The migration ${first.tag} was applied, and its file has changed since: what was added to it is not in the database. ` +
          'Take the change back, and write a new migration for it.',
      ],
    });
    expect(await tablesOf(url)).toEqual(['a']);
  });
});

it('a migration that meets a lock lets others pass while it waits, and says so', async () => {
  const url = await emptyDatabase();
  await migrate(url, [makes('one', 1_000)]);
  const [dump, server] = [connect(url), connect(url)];
  const end = Promise.withResolvers<void>();
  try {
    // Locks a table as pg_dump does.
    const began = Promise.withResolvers<void>();
    const dumping = dump.begin(async (tx) => {
      await tx`lock table public.one in access share mode`;
      began.resolve();
      await end.promise;
    });
    await began.promise;
    const more = { tag: '2000_more', when: 2_000, sql: 'alter table public.one add column more int' };
    const told = Promise.withResolvers<void>();
    const migrating = migrate(url, [makes('one', 1_000), more], () => told.resolve());
    await told.promise;
    await server`select from public.one`;
    end.resolve();
    await dumping;
    const { applied, notices } = await migrating;
    expect(applied).toBe(1);
    expect(notices.join()).toContain('2000_more waits for a table that another session uses');
  } finally {
    end.resolve();
    await Promise.all([dump, server].map((sql) => sql.end({ timeout: 1 })));
  }
});
