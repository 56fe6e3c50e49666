import postgres from 'postgres';
import { type AfterwriteDatabase, openDatabase } from '../../src/database/database.ts';
import { migrateDatabase } from '../../src/database/migrate.ts';
import { createEngine, type Engine } from '../../src/kernel/engine.ts';
import { createMetersTable, meterDomain } from './meters.ts';

export interface BenchEngine extends Engine {
  readonly database: AfterwriteDatabase;
  close(): Promise<void>;
}

/** Brings an empty database to the product's schema and adds the table of the benchmark's read model. */
export async function prepareDatabase(url: string): Promise<void> {
  await migrateDatabase(url, () => {});
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe(createMetersTable);
  await sql.end();
}

/** An engine with the server's default settings. It projects nothing before it is started. */
export async function openEngine(url: string): Promise<BenchEngine> {
  const connections = { writer: 4, projector: 4, reader: 1 };
  const database = await openDatabase({ url, connections, onNotice: () => {} });
  const engine = createEngine({
    database,
    domains: [meterDomain],
    onError: (error) => {
      throw error;
    },
  });
  return {
    ...engine,
    database,
    close: async () => {
      await engine.drain();
      await engine.stop();
      await database.close(1000);
    },
  };
}
