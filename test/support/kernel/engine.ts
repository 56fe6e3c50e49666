import { afterAll, afterEach } from 'vitest';
import type { AfterwriteDatabase } from '../../../src/database/database.ts';
import type { Domain } from '../../../src/kernel/define/domain.ts';
import { createEngine, type Engine } from '../../../src/kernel/engine.ts';
import type { EngineOptions } from '../../../src/kernel/engine-options.ts';
import type { EngineOccurrences, EngineSubscriber } from '../../../src/kernel/observe/occurrences.ts';
import { Observer } from '../../../src/observe/observer.ts';
import type { TestDatabase, UsedDatabase } from '../postgres/database.ts';
import { openAsTenant, projectingAsTenant } from './as-tenant.ts';

/** An engine under test, with what it said was wrong. */
export interface TestEngine extends Engine {
  readonly database: AfterwriteDatabase;
  readonly faults: { readonly error: unknown; readonly context: Readonly<Record<string, unknown>> }[];
  /** Ends it as a server does: commands first, then projections, then connections. Happens after each test anyway. */
  close(): Promise<void>;
}

export interface TestEngineOptions extends Partial<Omit<EngineOptions, 'database' | 'observer'>> {
  /** Told what happens. */
  readonly subscribers?: readonly EngineSubscriber[];
  /** Another way to the database than the tests'. */
  readonly url?: string;
  /** Where its queries read. */
  readonly readUrl?: string;
  /** Start the projector too. */
  readonly start?: boolean;
  readonly writers?: number;
}

/** Connections of the writer's pool, unless a test says otherwise. */
const WRITERS = 2;

/**
 * Opens engines on a database, as many as a test wants (each stands for a server of its own), and closes them after it.
 * With TEST_TENANT they are engines of that tenant. If tests share the database, an engine takes over the connections of one that has ended: to make new
 * ones takes longer than most tests.
 *
 * ```ts
 * const database = useDatabase({ tables: [countersTable] });
 * const engine = useEngine(database, [counters]);
 * it('…', async () => { const { bus } = await engine({ start: true }); … });
 * ```
 */
export function useEngine(
  database: Pick<TestDatabase, 'url'> & Partial<Pick<UsedDatabase, 'isShared'>>,
  domains: readonly Domain[],
) {
  projectingAsTenant(domains);
  const closers: (() => Promise<void>)[] = [];
  /** Opened with the defaults, and used by no engine now; with the URL of the database. */
  const idle: (readonly [url: string, opened: AfterwriteDatabase])[] = [];
  afterEach(async () => {
    await Promise.all(closers.splice(0).map((close) => close()));
  });
  afterAll(async () => {
    await Promise.all(idle.splice(0).map(([, opened]) => opened.close(1000)));
  });
  return async ({
    url,
    readUrl,
    start = false,
    writers = WRITERS,
    subscribers = [],
    ...options
  }: TestEngineOptions = {}): Promise<TestEngine> => {
    const faults: TestEngine['faults'] = [];
    const isReusable = database.isShared && url === undefined && readUrl === undefined && writers === WRITERS;
    const nth = isReusable ? idle.findIndex(([of]) => of === database.url) : -1;
    const [, left] = nth < 0 ? [] : (idle.splice(nth, 1)[0] ?? []);
    const opened =
      left ??
      (await openAsTenant({
        url: url ?? database.url,
        readUrl,
        connections: { writer: writers, projector: 3, reader: 1 },
      }));
    const openedOn = database.url;
    const engine = createEngine({
      ...options,
      domains: projectingAsTenant(options.domains ?? domains),
      database: opened,
      observer: new Observer<EngineOccurrences>([...subscribers, { faultMet: (fault) => faults.push(fault) }]),
    });
    let ended: Promise<void> | undefined;
    const end = () => {
      ended ??= engine.drain().then(() => engine.stop());
      return ended;
    };
    let closed: Promise<void> | undefined;
    const close = () => {
      closed ??= end().then(() => opened.close(1000));
      return closed;
    };
    closers.push(async () => {
      if (closed || !isReusable) return close();
      await end();
      idle.push([openedOn, opened]);
    });
    if (start) await engine.start();
    return { ...engine, database: opened, faults, close };
  };
}
