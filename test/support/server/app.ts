import { Writable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import shop from '../../../src/app.ts';
import { Fulfilment } from '../../../src/domains/fulfilment/index.ts';
import { createLogger } from '../../../src/server/operations/logger.ts';
import { type RunningServer, startServer } from '../../../src/server/server.ts';
import { readConfig } from '../../../src/settings/config.ts';
import { HttpClient } from '../client/http-client.ts';
import { type TestDatabase, useDatabase } from '../postgres/database.ts';

/** A server of a test's own, on a database of its own, and a client to it. */
export class TestApp extends HttpClient {
  readonly #present: () => Running;
  readonly #start: () => Promise<void>;

  constructor(present: () => Running, start: () => Promise<void>) {
    super(() => present().app.url);
    this.#present = present;
    this.#start = start;
  }

  get url(): string {
    return this.#present().app.url;
  }

  get engine(): RunningServer['engine'] {
    return this.#present().app.engine;
  }

  get database(): TestDatabase {
    return this.#present().database;
  }

  /** Its log entries, each as a line of JSON. */
  get log(): readonly string[] {
    return this.#present().log;
  }

  /** Stops it, as happens after the test anyway. */
  stop(): Promise<void> {
    return this.#present().app.stop();
  }

  /** Starts another one in place of one that was stopped. */
  start(): Promise<void> {
    return this.#start();
  }
}

interface Running {
  readonly app: RunningServer;
  readonly database: TestDatabase;
  readonly log: readonly string[];
}

export interface TestAppOptions {
  /** Settings, over those of a development server; by a function those that are known only when it starts. */
  readonly env?: NodeJS.ProcessEnv | (() => NodeJS.ProcessEnv);
  /** Another database than one of its own. */
  readonly database?: TestDatabase;
  /** If off, orders stay as they are, for tests of something else. On by default. */
  readonly fulfils?: boolean;
  /** One server for all tests of the file, unless it is 'test'. */
  readonly per?: 'test' | 'file';
}

/**
 * Starts the server as `main.ts` does, on any free port.
 *
 * ```ts
 * const app = useApp({ env: { MAX_WAITERS: '1' } });
 * it('…', async () => { const answer = await app.query('{ projections { name } }'); … });
 * ```
 */
export function useApp({ env = {}, per = 'file', fulfils = true, ...options }: TestAppOptions = {}): TestApp {
  const database = options.database ?? useDatabase({ per });
  let current: Running | undefined;
  const start = async () => {
    const log: string[] = [];
    const config = readConfig(
      {
        ...SETTINGS,
        ...(typeof env === 'function' ? env() : env),
        DATABASE_URL: database.url,
      },
      shop.settings,
    );
    const destination = new Writable({
      write: (chunk, _, done) => {
        log.push(String(chunk));
        done();
      },
    });
    current = {
      app: await startServer(fulfils ? shop : unfulfilled, config, createLogger(config, destination)),
      database,
      log,
    };
  };
  const stop = async () => {
    await current?.app.stop();
    current = undefined;
  };
  if (per === 'test') {
    beforeEach(start);
    afterEach(stop);
  } else {
    beforeAll(start);
    afterAll(stop);
  }
  return new TestApp(() => {
    if (!current) throw new Error('There is a server only while a test runs.');
    return current;
  }, start);
}

const SETTINGS = {
  // As in production, faults are masked.
  NODE_ENV: 'test',
  HOST: '127.0.0.1',
  PORT: '0',
  WRITER_CONNECTIONS: '2',
  READER_CONNECTIONS: '4',
  LOG_LEVEL: 'debug',
  EVENT_LOOP_BLOCK_MS: '0',
};

/** Everything there is, but nobody carries orders on. */
const unfulfilled = {
  ...shop,
  domains: shop.domains.map((domain) =>
    domain.name === 'fulfilment'
      ? { ...domain, aggregates: [...domain.aggregates, Fulfilment.aggregate], processes: [], effects: [] }
      : domain,
  ),
};
