import type { Logger } from 'pino';
import type { SharedDatabase } from '../../database/tenancy/shared-database.ts';
import type { TenantDatabases } from '../../database/tenants/tenant-databases.ts';
import { TenantUnavailableError, TenantUnknownError } from '../../kernel/errors.ts';
import { ActiveCallers } from '../../scheduling/active-callers.ts';
import type { Config } from '../../settings/config.ts';
import { configOfTenant } from '../../settings/tenant-config.ts';
import type { Apis } from '../apis.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { observeServer } from '../operations/observe.ts';
import { ServedStore, type StoreSurroundings } from '../served-store.ts';
import { stopInOrder } from '../shutdown.ts';
import type { StoreLease, Stores } from '../stores.ts';
import { AGAIN_MS, BackgroundVisits } from './background-visits.ts';
import { type OpenedTenant, TenantRegistry } from './tenant-registry.ts';

export interface TenantServing extends StoreSurroundings {
  /** The settings of the server. */
  readonly config: Config;
  readonly place: TenantPlace;
  readonly logger: Logger;
  readonly metrics: Metrics | undefined;
}

/** Where the rows of tenants are: in a database for each, or in one that they share. */
export type TenantPlace =
  | { readonly databases: TenantDatabases }
  | { readonly shared: SharedDatabase; readonly url: string };

/** How long statements may take to end when the shared database is closed, in ms. */
const CLOSE_MS = 1000;

/** When a tenant is visited again whose overdue work did not end while it was open, in ms. */
const OVERDUE_AGAIN_MS = 60_000;

/** A store for each tenant, opened when somebody asks for it. */
export function serveTenants(serving: TenantServing): Stores {
  const { config, logger, metrics, place } = serving;
  const registry = new TenantRegistry<OpenTenant>({
    limit: config.tenantsOpen,
    find: async (tenant) => {
      if (!config.tenantCreate && !(await isThere(tenant, place))) throw new TenantUnknownError();
    },
    open: async (tenant) => {
      const begun = performance.now();
      const opened = await openTenant(tenant, serving, (ms) =>
        visits.visitIn(tenant, ms === 0 ? OVERDUE_AGAIN_MS : ms),
      );
      const ms = performance.now() - begun;
      metrics?.tenantOpened(ms);
      logger.info({ tenant, ms: Math.round(ms) }, 'opened the database of a tenant');
      return opened;
    },
    onFailed: (tenant, step, err) => {
      metrics?.tenantFailed();
      logger.error({ tenant, err }, `could not ${step} the database of a tenant`);
    },
  });
  const visits = new BackgroundVisits({
    list: () => ('shared' in place ? place.shared.tenants() : place.databases.list()),
    visit: async (tenant) => {
      const { value, release } = await registry.use(tenant, { isWanted: false });
      await value.store.workedOff().finally(release);
    },
    onError: (err) => logger.error({ err }, 'could not list the tenants'),
  });
  const use = async (tenant: string): Promise<StoreLease> => {
    const { value, release } = await registry.use(tenant);
    return { value: value.store, release };
  };
  const apis: Apis = {
    ofTenant: async (tenant) => {
      const { value, release } = await use(tenant);
      return { api: value.api, release };
    },
  };
  return {
    apis,
    get tenants() {
      return registry.counts;
    },
    one: undefined,
    values: () => [...registry.values()].map(({ store }) => store),
    use,
    start: async () => {
      if (hasWork(serving)) visits.start();
    },
    stopOpening: async () => {
      visits.stop();
      await registry.stopOpening();
    },
    close: async () => {
      if ('shared' in place) await place.shared.close(CLOSE_MS);
    },
  };
}

/** Whether processes of this server have work that nobody asks for. */
function hasWork({ app, config }: TenantServing): boolean {
  return (
    config.projector && app.domains.some(({ processes = [], effects = [] }) => processes.length + effects.length > 0)
  );
}

interface OpenTenant extends OpenedTenant {
  readonly store: ServedStore;
}

/** @throws {TenantUnknownError} or why the database cannot be used. */
async function openTenant(
  tenant: string,
  serving: TenantServing,
  onClosing: (msUntilWork: number | undefined) => void,
): Promise<OpenTenant> {
  const { place, config: ofServer, metrics } = serving;
  const url = await urlOf(tenant, place, ofServer.tenantCreate);
  const config = configOfTenant(ofServer, url);
  const logger = serving.logger.child({ tenant });
  const store = await ServedStore.open({
    ...serving,
    ...{ config, url, tenant, logger, shared: 'shared' in place ? place.shared : undefined },
    observer: observeServer(logger, metrics),
    activeCallers: new ActiveCallers(),
  });
  const close = async () => {
    // If that cannot be found out, it may have something to do.
    if (hasWork(serving)) onClosing(await store.msUntilWork().catch(() => AGAIN_MS));
    await closeStore(store, config, logger);
  };
  try {
    await store.engine.start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    store,
    get isBusy() {
      return store.isBusy;
    },
    close,
  };
}

async function isThere(tenant: string, place: TenantPlace): Promise<boolean> {
  return 'shared' in place ? place.shared.has(tenant) : (await place.databases.urlOf(tenant)) !== undefined;
}

async function urlOf(tenant: string, place: TenantPlace, mayCreate: boolean): Promise<string> {
  if ('shared' in place) {
    if (mayCreate || (await place.shared.has(tenant))) return place.url;
    throw new TenantUnknownError();
  }
  const { databases } = place;
  const url = await databases.urlOf(tenant);
  if (url !== undefined) return url;
  if (mayCreate && databases.create) {
    await databases.create(tenant);
    const created = await databases.urlOf(tenant);
    if (created !== undefined) return created;
    throw new TenantUnavailableError(1000, 'The database of the tenant was created and is not there.');
  }
  throw new TenantUnknownError();
}

/** In the order of a server that stops. Nobody uses the store any more. */
function closeStore(store: ServedStore, { shutdownTimeoutMs: timeoutMs }: Config, logger: Logger): Promise<void> {
  const { engine, api } = store;
  const steps = [
    ['finish commands', () => engine.drain()],
    ['end streams', () => api.eventStreams.end()],
    ['stop projections', () => engine.stop()],
    ['release the adapters', () => store.releaseAdapters()],
    ['close the database', () => store.closeDatabase()],
  ] as const;
  return stopInOrder(steps, { timeoutMs, logger, status: () => ({ head: engine.projector.head.position }) });
}
