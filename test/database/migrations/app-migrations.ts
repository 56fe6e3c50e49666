import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach } from 'vitest';
import { migrateDatabase } from '../../../src/database/migrations/migrate.ts';
import type { DatabaseOccurrences } from '../../../src/database/occurrences.ts';
import { Observer } from '../../../src/observe/observer.ts';
import { useFolder } from '../../cli/support.ts';
import { connect, createDatabase } from '../../support/postgres/database.ts';

/** A migration of an application. */
export interface AppMigration {
  readonly tag: string;
  /** In ms since 1970. */
  readonly when: number;
  readonly sql: string;
}

export const makes = (table: string, when: number): AppMigration => ({
  tag: `${when}_${table}`,
  when,
  sql: `create table public.${table} ()`,
});

/** Applications with migrations of their own, for each test of a file. */
export function useAppMigrations() {
  const databases: Awaited<ReturnType<typeof createDatabase>>[] = [];
  afterEach(async () => {
    await Promise.all(databases.splice(0).map(({ drop }) => drop()));
  });
  const newFolder = useFolder();

  async function emptyDatabase(): Promise<string> {
    const database = await createDatabase();
    databases.push(database);
    return database.url;
  }

  /** Migrates a database as code does that has these migrations. */
  async function migrate(url: string, files: readonly AppMigration[], onNotice: () => void = () => {}) {
    const folder = await newFolder();
    await mkdir(join(folder, 'meta'));
    const entries = files.map(({ tag, when }, idx) => ({ idx, version: '7', when, tag, breakpoints: true }));
    const journal = { version: '7', dialect: 'postgresql', entries };
    await writeFile(join(folder, 'meta/_journal.json'), JSON.stringify(journal));
    for (const { tag, sql } of files) await writeFile(join(folder, `${tag}.sql`), sql);
    const notices: string[] = [];
    const appMigrations = pathToFileURL(`${folder}/`);
    const observer = new Observer<DatabaseOccurrences>([
      { databaseNoticed: ({ message }) => notices.push(message) },
      { databaseNoticed: onNotice },
    ]);
    const { migrations } = await migrateDatabase(url, { appMigrations, observer });
    return { applied: migrations.applied, notices };
  }
  return { emptyDatabase, migrate };
}

/** The tables in schema `public`. */
export async function tablesOf(url: string): Promise<string[]> {
  const sql = connect(url);
  try {
    const rows = await sql<{ name: string }[]>`
      select tablename as name from pg_tables where schemaname = 'public' order by tablename`;
    return rows.map(({ name }) => name);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
