import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { AfterwriteDatabase } from '../database/database.ts';
import type { SharedDatabase } from '../database/tenancy/shared-database.ts';
import type { App } from '../definition/app.ts';
import type { AnswerShares } from '../graphql/answer/shares.ts';
import type { TrustedDocuments } from '../graphql/documents/trusted-documents.ts';
import type { SubscriptionBudgets } from '../graphql/live/subscription-budget.ts';
import type { ReportFault } from '../graphql/plugins/errors.ts';
import { createEngine, type Engine } from '../kernel/engine.ts';
import type { EngineOptions } from '../kernel/engine-options.ts';
import { msUntilNextWork } from '../kernel/process/next-work.ts';
import type { ActiveCallers } from '../scheduling/active-callers.ts';
import { pause } from '../scheduling/sleeper.ts';
import type { Turns } from '../scheduling/turns.ts';
import type { Config } from '../settings/config.ts';
import { engineOptions } from '../settings/engine-options.ts';
import { type ServedApi, serveApi } from './api.ts';
import { signingOf } from './audit/signing.ts';
import type { LoopWatch } from './loop/loop-watch.ts';
import type { ServerObserver } from './operations/occurrences.ts';
import { openResources, type Resources } from './resources.ts';

/** How long work that nobody waits for may keep a store open that nobody asks for, in ms. */
const WORKED_OFF_WITHIN_MS = 30_000;
const LOOK_AGAIN_MS = 100;

/** What all stores of a server have in common. */
export interface StoreSurroundings {
  readonly app: App;
  readonly schema: GraphQLSchema;
  readonly documents: TrustedDocuments;
  readonly turns: Turns;
  readonly answerShares: AnswerShares;
  readonly subscriptions: SubscriptionBudgets;
  readonly loop: LoopWatch;
  /** Everybody who sends operations, whatever the store: the windows of large operations are divided among them. */
  readonly callers: ActiveCallers;
  readonly reportFault: ReportFault;
  /** For tests that set the time. */
  readonly overrides: Pick<EngineOptions, 'clock'>;
}

export interface StoreOptions extends StoreSurroundings {
  /** The settings, those of the tenant if it is the store of one. */
  readonly config: Config;
  readonly url: string;
  /** Whose store it is; undefined if the application has no tenants. */
  readonly tenant: string | undefined;
  /** The database that tenants share; undefined if they do not. */
  readonly shared?: SharedDatabase | undefined;
  readonly logger: Logger;
  readonly observer: ServerObserver;
  /** The callers among whom windows of commands are divided: those of this store. */
  readonly activeCallers: ActiveCallers;
}

/** One store with everything that serves it: its database, adapters, engine and API. */
export class ServedStore {
  readonly database: AfterwriteDatabase;
  readonly engine: Engine;
  readonly api: ServedApi;
  readonly #resources: Resources;

  private constructor(resources: Resources, options: StoreOptions) {
    const { app, config, tenant, activeCallers, observer, overrides } = options;
    const { database, adapters, keyring } = resources;
    this.#resources = resources;
    this.database = database;
    this.engine = createEngine({
      ...{ database, domains: app.domains, activeCallers, observer, keyring },
      ...engineOptions(config),
      signing: signingOf(config, tenant),
      ...overrides,
      adapters: adapters.adapters,
    });
    this.api = serveApi({ ...options, database, engine: this.engine });
  }

  /** Migrates and opens a store, which does not work yet. @throws {DatabaseError} or what the application's `adapters` throws. */
  static async open(options: StoreOptions): Promise<ServedStore> {
    const resources = await openResources(options);
    try {
      return new ServedStore(resources, options);
    } catch (error) {
      await resources.adapters.release();
      await resources.closeDatabase();
      throw error;
    }
  }

  /** Whether it works on something that nobody waits for: the steps of processes, and what read models lack. */
  get isBusy(): boolean {
    const { queue, processes, projector } = this.engine;
    return (
      queue.depth > 0 ||
      processes.status().some(({ isOurs, state, lag, pending, parked }) => {
        return isOurs && state === 'RUNNING' && (lag > 0 || pending > parked);
      }) ||
      projector
        .status()
        .some(({ isOurs, state, lag }) => isOurs && (state === 'REBUILDING' || (state === 'RUNNING' && lag > 0)))
    );
  }

  /** When its processes have something to do although nobody asks, in ms; undefined if they have not. */
  async msUntilWork(): Promise<number | undefined> {
    return this.engine.registry.processes.size === 0 ? undefined : msUntilNextWork(this.database.projector.db);
  }

  /** Resolves when it is not busy and nothing is overdue, or after a while if that does not end. */
  async workedOff(): Promise<void> {
    const until = performance.now() + WORKED_OFF_WITHIN_MS;
    while (performance.now() < until && (this.isBusy || (await this.msUntilWork()) === 0)) {
      await pause(LOOK_AGAIN_MS);
    }
  }

  async releaseAdapters(): Promise<void> {
    await this.#resources.adapters.release();
  }

  async closeDatabase(): Promise<void> {
    // Whoever has read something is recorded before.
    await this.api.readAudit?.close();
    await this.#resources.closeDatabase();
  }
}
