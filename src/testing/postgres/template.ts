import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type postgres from 'postgres';
import { migrateDatabase } from '../../database/migrations/migrate.ts';
import { engineHistory } from '../../database/migrations/migration-history.ts';
import { dropDatabase, urlOfDatabase } from './databases.ts';

/** Held while a process makes a template; others wait. */
const TEMPLATE_LOCK = 4651739;

/**
 * A database with the migrations of the engine and of the application, to be copied. It is made once for these migrations
 * and kept.
 * @param server one connection: the lock belongs to it.
 * @returns its name.
 */
export async function ensureTemplate(
  server: postgres.Sql,
  serverUrl: string,
  appMigrations: URL | undefined,
): Promise<string> {
  const name = `afterwrite_template_${await hashOf(appMigrations)}`;
  const isThere = async () => (await server`select from pg_database where datname = ${name}`).length > 0;
  if (await isThere()) return name;
  await server`select pg_advisory_lock(${TEMPLATE_LOCK})`;
  try {
    if (await isThere()) return name;
    // It gets its name when it is complete: a process may be killed before.
    const unfinished = `${name}_unfinished`;
    await dropDatabase(server, unfinished);
    await server`create database ${server(unfinished)}`;
    await migrateDatabase(urlOfDatabase(serverUrl, unfinished), { appMigrations });
    await server`alter database ${server(unfinished)} rename to ${server(name)}`;
    return name;
  } finally {
    await server`select pg_advisory_unlock(${TEMPLATE_LOCK})`;
  }
}

/** 64 bits over all migrations. */
async function hashOf(appMigrations: URL | undefined): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of [engineHistory.folder, ...(appMigrations ? [fileURLToPath(appMigrations)] : [])]) {
    const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).toSorted();
    for (const file of files) hash.update(`${file}\n`).update(await readFile(join(folder, file)));
  }
  return hash.digest('hex').slice(0, 16);
}
