import type { Apis } from './apis.ts';
import type { ServedStore } from './served-store.ts';
import type { TenantCounts } from './tenants/tenant-registry.ts';

/** A store that is in use. It is not closed until it is released. */
export interface StoreLease {
  readonly value: ServedStore;
  /** Idempotent. */
  release(): void;
}

/** What a server serves: one store, or one for each tenant. */
export interface Stores {
  readonly apis: Apis;
  /** How many tenants are open; undefined if there is one store. */
  readonly tenants: TenantCounts | undefined;
  /** The only store; undefined if each tenant has one. */
  readonly one: ServedStore | undefined;
  /** Those that are open now. */
  values(): Iterable<ServedStore>;
  /** The store of a tenant. @throws {TenantUnknownError} {@link TenantUnavailableError} */
  use(tenant: string): Promise<StoreLease>;
  /** Begins to work. */
  start(): Promise<void>;
  /** Opens no more stores. Resolves when none is being opened or closed. */
  stopOpening(): Promise<void>;
  /** Closes what stores share. They are closed already. */
  close(): Promise<void>;
}

/** One store for everybody. */
export function oneStore(store: ServedStore): Stores {
  return {
    apis: { one: store.api },
    tenants: undefined,
    one: store,
    values: () => [store],
    use: async () => {
      throw new Error('This server has one store. It has none for each tenant.');
    },
    start: () => store.engine.start(),
    stopOpening: async () => {},
    close: async () => {},
  };
}
