import { sql } from 'drizzle-orm';
import type { Database } from '../client.ts';
import { DatabaseError } from '../errors.ts';
import {
  engineHistory,
  LAST_OF_ONE_HISTORY,
  leastOf,
  type MigrationHistory,
  migratedTo,
  migrationsOf,
  missingOf,
  newestOf,
  recordedIn,
} from './migration-history.ts';

/**
 * Migrations of the engine that take from processes of earlier releases what they work with. From 0028 on, each version
 * of a read model has tables of its own.
 */
const NOT_BESIDE_EARLIER: readonly string[] = ['0028_read_model_versions'];

/** Whether code that is newer has migrated the database. */
export interface NewerCode {
  readonly engine: boolean;
  readonly app: boolean;
}

/** @throws {DatabaseError} DATABASE_NEWER if newer code has migrated the database, and this code cannot run on it. */
export async function newerCode(db: Database, histories: readonly MigrationHistory[]): Promise<NewerCode> {
  const newer = { engine: false, app: false };
  for (const history of histories) {
    const newest = newestOf(history);
    if ((await migratedTo(db, history)) <= Math.max(newest, LAST_OF_ONE_HISTORY)) continue;
    const isEngines = history === engineHistory;
    if ((await leastOf(db, history)) <= newest) {
      newer[isEngines ? 'engine' : 'app'] = true;
      continue;
    }
    throw new DatabaseError(
      'DATABASE_NEWER',
      `The database was migrated by a newer version of ${isEngines ? 'Afterwrite' : 'the application'}, and this one cannot run on it; start that version, or restore a backup.`,
    );
  }
  return newer;
}

/**
 * Refuses migrations that processes of an earlier release would not survive, before anything is changed.
 * @throws {DatabaseError} READ_TABLES_IN_USE
 */
export async function refuseBesideEarlier(db: Database): Promise<void> {
  const missing = missingOf(migrationsOf(engineHistory), await recordedIn(db, engineHistory));
  if (!missing.some(({ name }) => NOT_BESIDE_EARLIER.includes(name))) return;
  const [known] = await db.execute<{ there: boolean }>(sql`select to_regclass('read.instances') is not null as there`);
  if (!known?.there) return;
  const alive = await db.execute<{ process: string }>(
    sql`select process from read.instances where alive_until > now() order by process`,
  );
  if (alive.length > 0) throw new DatabaseError('READ_TABLES_IN_USE', inUse(alive));
}

/** What to tell an operator if processes of a release before 0028 are alive. */
export function inUse(alive: readonly { readonly process: string }[]): string {
  return (
    `Processes of an older release of Afterwrite are running: ${alive.map(({ process }) => process).join(', ')}. ` +
    'They would lose the tables of the read models, which get new names now. Stop them, and start again; nothing was changed.'
  );
}
