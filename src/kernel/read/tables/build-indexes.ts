import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { quoted } from '../../../database/roles/statements.ts';
import type { WantedIndex } from './ensure-tables.ts';
import { markIndex } from './table-ddl.ts';

/** The advisory lock of the instance that creates or drops indexes. Its session holds it. */
const INDEXES_LOCK = 4651737;

export interface BuildIndexesParts {
  /** One connection with the rights of the tables' owner. Its session holds the lock. */
  readonly db: Database;
  readonly wanted: readonly WantedIndex[];
  /** When it is aborted, no further index is begun. */
  readonly signal: AbortSignal;
}

/**
 * Creates indexes that tables with rows lack, one after the other, while the tables are in use. One instance does this;
 * others skip it while that one is working. Unfinished work is begun again at the next start.
 */
export async function buildIndexes({ db, wanted, signal }: BuildIndexesParts): Promise<void> {
  if (wanted.length === 0) return;
  await alone(db, async () => {
    for (const index of wanted) {
      if (signal.aborted) return;
      await buildIndex(db, index);
      await run(db, markIndex(index.name));
    }
  });
}

/**
 * Does work on indexes, unless another instance is doing it.
 * @param db one connection.
 */
export async function alone(db: Database, work: () => Promise<void>): Promise<void> {
  const [lock] = await db.execute<{ taken: boolean }>(sql`select pg_try_advisory_lock(${INDEXES_LOCK}) as taken`);
  if (!lock?.taken) return;
  try {
    await work();
  } finally {
    await db.execute(sql`select pg_advisory_unlock(${INDEXES_LOCK})`);
  }
}

async function buildIndex(db: Database, { name, create }: WantedIndex): Promise<void> {
  const isValidNow = await isValid(db, name);
  // Another instance has been faster: the name stands for the definition.
  if (isValidNow === true) return;
  // An index whose creation was interrupted is useless.
  if (isValidNow === false) await run(db, `drop index concurrently if exists read.${quoted(name)}`);
  await run(db, create);
}

/** @returns undefined if there is no index of this name. */
async function isValid(db: Database, name: string): Promise<boolean | undefined> {
  const [row] = await db.execute<{ valid: boolean }>(sql`
    select indisvalid as valid from pg_index where indexrelid = to_regclass(format('read.%I', ${name}::text))`);
  return row?.valid;
}

async function run(db: Database, statement: string): Promise<void> {
  await db.execute(sql.raw(statement));
}
