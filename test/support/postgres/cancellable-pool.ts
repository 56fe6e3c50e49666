import { sql } from 'drizzle-orm';
import { beforeEach, onTestFinished } from 'vitest';
import { type Database, openPool } from '../../../src/database/client.ts';
import type { TestDatabase } from './database.ts';

/** One connection whose statements can be cancelled. */
export interface CancellablePool {
  readonly db: Database;
  /** Statements that Postgres works on for this pool. */
  running(): Promise<number>;
}

/** Opens a pool for each test of the file, and closes it afterwards. @param applicationName tells it from others' pools. */
export function useCancellablePool(database: TestDatabase, applicationName: string): CancellablePool {
  let db: Database | undefined;
  beforeEach(async () => {
    const pool = openPool({ url: database.url, connections: 1, applicationName, cancellable: true });
    onTestFinished(() => pool.close(0));
    await pool.db.execute(sql`select 1`);
    db = pool.db;
  });
  return {
    get db() {
      if (!db) throw new Error('There is a pool only while a test runs.');
      return db;
    },
    running: async () => {
      const rows = await database.sql`select from pg_stat_activity
        where application_name = ${applicationName} and state = 'active'`;
      return rows.length;
    },
  };
}
