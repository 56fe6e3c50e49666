import postgres from 'postgres';
import { type AfterwriteDatabase, openDatabase } from '../../../src/database/database.ts';
import { migrateDatabase } from '../../../src/database/migrations/migrate.ts';
import type { Domain } from '../../../src/kernel/define/domain.ts';
import { createEngine, type Engine } from '../../../src/kernel/engine.ts';
import type { EngineOptions } from '../../../src/kernel/engine-options.ts';
import type { EngineOccurrences } from '../../../src/kernel/observe/occurrences.ts';
import { Observer } from '../../../src/observe/observer.ts';
import { createMetersTables, meterDomain } from '../workloads/meters.ts';
import type { BenchPostgres } from './postgres.ts';

export interface BenchEngine extends Engine {
  readonly database: AfterwriteDatabase;
  close(): Promise<void>;
}

/** Makes a database with the product's schema and the tables of the benchmarks' read models; resolves to its URL. */
export async function prepareDatabase(postgresServer: BenchPostgres, name: string): Promise<string> {
  const url = await postgresServer.createDatabase(name);
  await migrateDatabase(url);
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe(createMetersTables);
  await sql.end();
  return url;
}

/**
 * An engine with the server's default settings, of the meters unless told. It projects nothing before it is started.
 *
 * @param settings those that are not at their defaults.
 */
export async function openEngine(
  url: string,
  domains: readonly Domain[] = [meterDomain(1)],
  settings: Pick<EngineOptions, 'stateCacheSize' | 'keyring'> = {},
): Promise<BenchEngine> {
  const connections = { writer: 4, projector: 4, reader: 1 };
  const database = await openDatabase({ url, connections });
  const engine = createEngine({
    database,
    domains,
    ...settings,
    observer: new Observer<EngineOccurrences>([
      {
        faultMet: ({ error }) => {
          throw error;
        },
      },
    ]),
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
