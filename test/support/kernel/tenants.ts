import { afterEach } from 'vitest';
import { openSharedDatabase, type SharedDatabase } from '../../../src/database/tenancy/shared-database.ts';
import type { Domain } from '../../../src/kernel/define/domain.ts';
import { createEngine } from '../../../src/kernel/engine.ts';
import type { EngineOccurrences } from '../../../src/kernel/observe/occurrences.ts';
import { Observer } from '../../../src/observe/observer.ts';
import type { TestEngine, TestEngineOptions } from './engine.ts';

/** A database that tenants share, and engines of tenants on it. */
export interface TestTenants {
  readonly shared: SharedDatabase;
  engine(tenant: string, options?: Omit<TestEngineOptions, 'url' | 'readUrl' | 'writers'>): Promise<TestEngine>;
}

/** Opens a database that tenants share, as often as a test wants (each stands for a server), and closes all of it after the test. */
export function useTenants(database: { readonly url: string }, domains: readonly Domain[]) {
  const engines: (() => Promise<void>)[] = [];
  const databases: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(engines.splice(0).map((close) => close()));
    await Promise.all(databases.splice(0).map((close) => close()));
  });
  return async (connections = { writer: 2, projector: 3, reader: 2 }, url = database.url): Promise<TestTenants> => {
    const shared = await openSharedDatabase({ url, connections });
    databases.push(() => shared.close(1000));
    return {
      shared,
      engine: async (tenant, { start = true, subscribers = [], ...options } = {}) => {
        const faults: TestEngine['faults'] = [];
        const opened = await shared.open(tenant);
        const engine = createEngine({
          ...{ domains, ...options, database: opened },
          observer: new Observer<EngineOccurrences>([...subscribers, { faultMet: (fault) => faults.push(fault) }]),
        });
        let closed: Promise<void> | undefined;
        const close = () => {
          closed ??= (async () => {
            await engine.drain();
            await engine.stop();
            await opened.close(1000);
          })();
          return closed;
        };
        engines.push(close);
        if (start) await engine.start();
        return { ...engine, database: opened, faults, close };
      },
    };
  };
}
