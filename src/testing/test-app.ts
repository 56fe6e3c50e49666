import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { assertInputObjectType, type GraphQLInputObjectType, getNamedType } from 'graphql';
import { SignJWT } from 'jose';
import type postgres from 'postgres';
import type { App } from '../definition/app.ts';
import type { Claims, Role } from '../kernel/define/access/roles.ts';
import type { Engine } from '../kernel/engine.ts';
import { createLogger } from '../server/operations/logger.ts';
import { type RunningServer, startServer } from '../server/server.ts';
import { readConfig } from '../settings/config.ts';
import { type BadInput, refusedInputs } from './bad-inputs.ts';
import { TestClient } from './clients/test-client.ts';
import { instantOf, msOf, StoppableClock, stopDatabaseClock, type TestClock } from './clock.ts';
import { openTestDatabase, type TestDatabase } from './postgres/test-database.ts';
import { settled } from './settled.ts';

export interface TestAppOptions {
  /** Settings, over those of a test server; and TEST_DATABASE_URL. */
  readonly env?: NodeJS.ProcessEnv;
  /** Stops the clock at this instant; by default it runs until it is set. */
  readonly at?: Date | string;
}

/** An actor whose access token the server checks like any other. */
export interface TestActor {
  readonly id: string;
  readonly roles: readonly Role[];
  readonly claims?: Claims;
  /** Required if the application has tenants. */
  readonly tenant?: string;
}

/** A running application on a database of its own. */
export interface TestApp extends AsyncDisposable {
  /** The address of its server, e.g. http://127.0.0.1:51234. */
  readonly url: string;
  /** @throws {Error} if each tenant has a database of its own: see {@link inTenant}. */
  readonly engine: Engine;
  /** Connections as the owner of the database, to look behind the scenes. */
  readonly sql: postgres.Sql;
  readonly clock: TestClock;
  /** The server's log from level `debug` on, one line of JSON for each entry. */
  readonly log: readonly string[];
  /** A client of somebody who is not signed in. */
  readonly anonymous: TestClient;
  /** A client of somebody with this id and these roles. It reads what any client of this application has written. */
  as(id: string, ...roles: readonly Role[]): TestClient;
  /** The same with claims. */
  as(actor: TestActor): TestClient;
  /** An access token of the actor, for clients of other kinds. */
  tokenOf(actor: TestActor): Promise<string>;
  /**
   * Inputs that a command's mutation must refuse: a good one with one mistake at a time, found from its schema. A field is
   * missing, null, of another type, beyond a limit, or one that the type does not have; at every depth.
   * @param good an input that would be accepted, with all optional fields.
   */
  badInputs(mutation: string, good: Readonly<Record<string, unknown>>): BadInput[];
  /**
   * Waits until nothing happens any more: read models and processes have handled every event, and no deadline is due.
   * @throws {Error} that says what is behind, after 20 seconds.
   */
  settled(): Promise<void>;
  /**
   * Works with the store of one tenant, which is opened if it is not, and stays open until then.
   * @throws {Error} if the application has no database for each tenant.
   */
  inTenant<T>(
    tenant: string,
    work: (store: { readonly engine: Engine; readonly url: string }) => Promise<T>,
  ): Promise<T>;
  /** Stops the server and starts another one on the same database. */
  restart(): Promise<void>;
  /** Stops the server and drops the database. Idempotent. */
  close(): Promise<void>;
}

/** Starts an application; see `createTestApp`. */
export async function openTestApp(app: App, options: TestAppOptions): Promise<TestApp> {
  const database = await openTestDatabase({
    env: { ...process.env, ...options.env },
    project: process.cwd(),
    appMigrations: app.migrations,
  });
  const running = new RunningApp(app, database, options);
  try {
    await running.start();
  } catch (error) {
    await database.drop();
    throw error;
  }
  return running;
}

class RunningApp implements TestApp {
  readonly #app: App;
  readonly #database: TestDatabase;
  readonly #options: TestAppOptions;
  readonly #secret = randomBytes(32).toString('base64url');
  readonly #clients: TestClient[] = [];
  readonly log: string[] = [];
  readonly anonymous: TestClient;
  readonly clock: TestClock;
  #server: RunningServer | undefined;
  #engineClock: StoppableClock | undefined;
  #stoppedAt: Date | undefined;
  /** The newest receipt's for each tenant. Tokens of one epoch compare in the order of their positions. */
  readonly #newestTokens = new Map<string | undefined, string>();
  #closed: Promise<void> | undefined;

  constructor(app: App, database: TestDatabase, options: TestAppOptions) {
    this.#app = app;
    this.#database = database;
    this.#options = options;
    this.#stoppedAt = options.at === undefined ? undefined : instantOf(options.at);
    this.anonymous = this.#client(undefined);
    this.clock = {
      now: () => new Date(Math.round(this.engine.clock.now())),
      set: (instant) => this.#setClock(instantOf(instant)),
      advance: (by) => this.#setClock(new Date(this.engine.clock.now() + msOf(by))),
    };
  }

  get url(): string {
    return this.#running.url;
  }

  get engine(): Engine {
    return this.#running.engine;
  }

  get sql(): postgres.Sql {
    return this.#database.sql;
  }

  async start(): Promise<void> {
    if (this.#stoppedAt) {
      this.#refuseDatabases();
      await stopDatabaseClock(this.sql, this.#stoppedAt);
    }
    const env = { ...this.#settings(), ...this.#options.env, DATABASE_URL: this.#database.url };
    const config = readConfig(env, this.#app.settings);
    const logged = new Writable({
      write: (chunk, _, done) => {
        this.log.push(String(chunk));
        done();
      },
    });
    this.#server = await startServer(this.#app, config, createLogger(config, logged), {
      clock: (ofPostgres) => {
        this.#engineClock = new StoppableClock(ofPostgres, this.#stoppedAt);
        return this.#engineClock;
      },
    });
  }

  as(who: string | TestActor, ...roles: readonly Role[]): TestClient {
    const actor = typeof who === 'string' ? { id: who, roles } : who;
    return this.#client(actor.tenant, () => this.tokenOf(actor));
  }

  badInputs(mutation: string, good: Readonly<Record<string, unknown>>): BadInput[] {
    const command = this.engine.registry.commands.get(mutation);
    if (!command) throw new Error(`The application has no command ${mutation}.`);
    return refusedInputs(this.#inputOf(mutation), command, good);
  }

  async settled(): Promise<void> {
    if (!this.#hasDatabases) return settled(this.engine, this.#running.database.projector.db);
    for (const tenant of new Set(this.#clients.map((client) => client.tenant))) {
      if (tenant === undefined) continue;
      const { value, release } = await this.#running.storeOf(tenant);
      await settled(value.engine, value.database.projector.db).finally(release);
    }
  }

  async inTenant<T>(
    tenant: string,
    work: (store: { readonly engine: Engine; readonly url: string }) => Promise<T>,
  ): Promise<T> {
    const { value, release } = await this.#running.storeOf(tenant);
    return work({ engine: value.engine, url: value.database.wakeUp.url }).finally(release);
  }

  async restart(): Promise<void> {
    await this.#stop();
    await this.start();
  }

  close(): Promise<void> {
    this.#closed ??= this.#stop().finally(() => this.#database.drop());
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #running(): RunningServer {
    if (!this.#server) throw new Error('The test application is closed.');
    return this.#server;
  }

  get #hasDatabases(): boolean {
    return this.#app.tenants?.mode === 'database';
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.#server?.stop();
    this.#server = undefined;
  }

  #settings(): NodeJS.ProcessEnv {
    return {
      HOST: '127.0.0.1',
      PORT: '0',
      WRITER_CONNECTIONS: '2',
      READER_CONNECTIONS: '4',
      LOG_LEVEL: 'debug',
      EVENT_LOOP_BLOCK_MS: '0',
      AUTH_JWT_SECRET: this.#secret,
      // The clock may be set to any time.
      CLOCK_SKEW_LIMIT_MS: '0',
    };
  }

  #client(tenant: string | undefined, token?: () => Promise<string>): TestClient {
    const client = new TestClient(() => this.url, {
      ...{ tenant, token },
      inputTypeOf: (mutation) => this.#inputOf(mutation).name,
      readAfter: () => this.#newestTokens.get(tenant),
      onReceipt: (received) => {
        const newest = this.#newestTokens.get(tenant);
        if (newest === undefined || received > newest) this.#newestTokens.set(tenant, received);
      },
    });
    this.#clients.push(client);
    return client;
  }

  #inputOf(mutation: string): GraphQLInputObjectType {
    const input = this.#running.schema
      .getMutationType()
      ?.getFields()
      [mutation]?.args.find(({ name }) => name === 'input');
    if (!input) throw new Error(`The API has no mutation ${mutation} of a command.`);
    return assertInputObjectType(getNamedType(input.type));
  }

  async tokenOf({ id, roles, claims, tenant }: TestActor): Promise<string> {
    return new SignJWT({ ...claims, roles: [...roles], ...(tenant !== undefined && { tenant }) })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(id)
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(this.#secret));
  }

  #refuseDatabases(): void {
    if (this.#hasDatabases) throw new Error('The clock cannot be set if each tenant has a database of its own.');
  }

  async #setClock(at: Date): Promise<void> {
    this.#refuseDatabases();
    const before = this.clock.now();
    if (at < before) {
      throw new RangeError(
        `The clock of a test cannot be set back from ${before.toISOString()} to ${at.toISOString()}: recorded time never decreases.`,
      );
    }
    await this.settled();
    await stopDatabaseClock(this.sql, at);
    this.#stoppedAt = at;
    this.#engineClock?.stopAt(at);
    await this.settled();
  }
}
