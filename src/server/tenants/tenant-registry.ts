import { LRUCache } from 'lru-cache';
import { TenantUnavailableError, TenantUnknownError } from '../../kernel/errors.ts';
import { type Backoff, backoffMs } from '../../scheduling/backoff.ts';
import { within } from '../../scheduling/timers.ts';

/** What is open for one tenant. */
export interface OpenedTenant {
  /** Whether it works on something that nobody waits for. Then it stays open. */
  readonly isBusy: boolean;
  /** Finishes what it has accepted, and closes its connections. */
  close(): Promise<void>;
}

export interface TenantRegistryOptions<T extends OpenedTenant> {
  /**
   * Asked before another tenant is closed to make room for this one.
   * @throws {TenantUnknownError} if there is no such tenant, or why that cannot be found out.
   */
  readonly find?: (tenant: string) => Promise<void>;
  /** @throws {TenantUnknownError} if there is no such tenant, or why it cannot be opened. */
  readonly open: (tenant: string) => Promise<T>;
  /** Most tenants that are open at the same time, including those that are being opened or closed. */
  readonly limit: number;
  /** Told of a tenant that could not be opened or closed. */
  readonly onFailed: (tenant: string, step: 'open' | 'close', error: unknown) => void;
  /** How long a tenant that could not be opened is not tried again; {@link PAUSES_AFTER_FAILURE} by default. */
  readonly pauses?: Backoff;
  /** The time, in ms since some moment; that of `performance` by default. */
  readonly now?: () => number;
}

/** A tenant that is in use. It is not closed until it is released. */
export interface TenantLease<T> {
  readonly value: T;
  /** Idempotent. */
  release(): void;
}

/** A tenant has to wait because too many others are in use. This says nothing about the tenant itself. */
export class NoRoomError extends TenantUnavailableError {
  constructor() {
    super(FULL_RETRY_MS, 'Too many tenants are using the server now.');
    this.name = 'NoRoomError';
  }
}

/** How many tenants there are in each state. */
export interface TenantCounts {
  readonly open: number;
  readonly opening: number;
  readonly closing: number;
  /** Those that could not be opened lately. */
  readonly failing: number;
  readonly limit: number;
}

/**
 * A tenant that could not be opened is not tried again for this long, in ms: each attempt costs connections and CPU, and may take the
 * place of a tenant that could be used. The pauses grow while it cannot be opened.
 */
const PAUSES_AFTER_FAILURE: Backoff = { firstMs: 2000, maxMs: 32_000 };
/** How long it is remembered that a tenant could not be opened, in ms. */
const FAILED_FOR_MS = 10 * 60_000;
/** How long it is remembered that there is no such tenant, in ms. */
const UNKNOWN_FOR_MS = 2000;
/** How long a tenant waits until another one can be closed, in ms. */
const ROOM_WITHIN_MS = 2000;
/** Nobody tells when a tenant is no longer busy: look again after this long, in ms. */
const LOOK_AGAIN_MS = 100;
/** When to ask again if too many tenants are in use, in ms. */
const FULL_RETRY_MS = 1000;
/** Names of tenants that are remembered after a failure. */
const MOST_FAILURES = 10_000;

/** A tenant that could not be opened. */
interface PausedTenant {
  /** Set if there is no such tenant. */
  readonly unknown: TenantUnknownError | undefined;
  readonly triedAgainAt: number;
}

function unreachable(retryAfterMs: number): TenantUnavailableError {
  return new TenantUnavailableError(retryAfterMs, 'The data of your tenant cannot be reached at the moment.');
}

class Holding<T> {
  /** Requests and subscriptions that use it, or wait until it is open. */
  users = 0;
  /** Whether somebody has asked for it. Those that were opened in the background are closed first. */
  isWanted = false;
  value: T | undefined;
  readonly opened: Promise<T>;
  closed: Promise<void> | undefined;

  constructor(opened: Promise<T>) {
    this.opened = opened;
  }
}

/**
 * The tenants that a process has open: at most a number of them, each opened when it is first asked for, and by one opening however
 * many ask. If another one is needed, the one that has not been used for the longest time is closed, unless it is in use or busy; if
 * all are, it waits a moment.
 */
export class TenantRegistry<T extends OpenedTenant> {
  readonly #options: TenantRegistryOptions<T>;
  readonly #now: () => number;
  /** In the order of their last use. */
  readonly #entries = new Map<string, Holding<T>>();
  /** Why a tenant could not be opened. It is told instead of trying again, until the pause is over. */
  readonly #failures = new LRUCache<string, PausedTenant>({ max: MOST_FAILURES });
  /** How often in a row a tenant could not be opened. */
  readonly #attempts = new LRUCache<string, number>({ max: MOST_FAILURES, ttl: FAILED_FOR_MS });
  /** Tenants that wait for room. */
  readonly #beginnings = new Map<string, Promise<void>>();
  /** Resolved when a tenant may have become idle. */
  #released = Promise.withResolvers<void>();
  #isStopping = false;

  constructor(options: TenantRegistryOptions<T>) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  get counts(): TenantCounts {
    const entries = [...this.#entries.values()];
    const closing = entries.filter(({ closed }) => closed).length;
    const open = entries.filter(({ value, closed }) => value && !closed).length;
    const now = this.#now();
    const failing = [...this.#failures.values()].filter((each) => !each.unknown && each.triedAgainAt > now).length;
    return { open, opening: entries.length - open - closing, closing, failing, limit: this.#options.limit };
  }

  /** Those that are open. */
  *values(): IterableIterator<T> {
    for (const { value } of this.#entries.values()) if (value) yield value;
  }

  /**
   * Opens a tenant, or finds it open.
   * @param options.isWanted false if nobody asks for it: then it is closed before those that somebody has asked for.
   * @throws {TenantUnknownError} if there is no such tenant; {@link NoRoomError} if too many others are in use; any other
   *   {@link TenantUnavailableError} if it cannot be opened now.
   */
  async use(tenant: string, { isWanted = true } = {}): Promise<TenantLease<T>> {
    for (;;) {
      const entry = this.#entries.get(tenant);
      if (entry?.closed) {
        await entry.closed;
        continue;
      }
      if (entry) {
        if (isWanted) this.#want(tenant, entry);
        return await this.#lease(entry);
      }
      this.#refuseStopped();
      this.#refuseFailed(tenant);
      await this.#beginOnce(tenant);
    }
  }

  /** Opens no more tenants. @returns those that are open, once none is being opened or closed. */
  async stopOpening(): Promise<readonly T[]> {
    this.#isStopping = true;
    const settled = [...this.#entries.values()].map(({ opened, closed }) => closed ?? opened.catch(() => undefined));
    await Promise.all<unknown>(settled);
    await Promise.allSettled(this.#beginnings.values());
    return [...this.values()];
  }

  /** Closes all that are open. They are closed even if they are in use. */
  async close(): Promise<void> {
    await this.stopOpening();
    await Promise.all([...this.#entries].map(([tenant, entry]) => this.#close(tenant, entry)));
  }

  /** However many ask, one of them waits for room and opens the tenant. */
  #beginOnce(tenant: string): Promise<void> {
    let beginning = this.#beginnings.get(tenant);
    if (!beginning) {
      beginning = this.#begin(tenant).finally(() => this.#beginnings.delete(tenant));
      this.#beginnings.set(tenant, beginning);
    }
    return beginning;
  }

  /** The last one in the order is the one that was used last. */
  #want(tenant: string, entry: Holding<T>): void {
    entry.isWanted = true;
    this.#entries.delete(tenant);
    this.#entries.set(tenant, entry);
  }

  async #lease(entry: Holding<T>): Promise<TenantLease<T>> {
    // Counted at once, so that it is not closed before its first user has it.
    entry.users++;
    let isReleased = false;
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      entry.users--;
      if (entry.users === 0) this.#wakeWaiting();
    };
    try {
      return { value: await entry.opened, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  #open(tenant: string): void {
    const opened = this.#options.open(tenant).catch((error: unknown) => {
      this.#entries.delete(tenant);
      this.#wakeWaiting();
      throw this.#failed(tenant, error);
    });
    const entry = new Holding(opened);
    this.#entries.set(tenant, entry);
    opened.then(
      (value) => {
        entry.value = value;
        this.#attempts.delete(tenant);
      },
      // Whoever waits for it gets the error.
      () => undefined,
    );
  }

  /** The error for those who ask until the tenant is tried again. */
  #failed(tenant: string, error: unknown): Error {
    if (error instanceof TenantUnknownError) {
      this.#failures.set(tenant, { unknown: error, triedAgainAt: this.#now() + UNKNOWN_FOR_MS });
      return error;
    }
    const attempts = (this.#attempts.get(tenant) ?? 0) + 1;
    this.#attempts.set(tenant, attempts);
    const pauseMs = backoffMs(attempts, this.#options.pauses ?? PAUSES_AFTER_FAILURE);
    this.#failures.set(tenant, { unknown: undefined, triedAgainAt: this.#now() + pauseMs });
    this.#options.onFailed(tenant, 'open', error);
    return unreachable(pauseMs);
  }

  /** Refuses a tenant that could not be opened, as long as it is not to be tried again. */
  #refuseFailed(tenant: string): void {
    const failure = this.#failures.get(tenant);
    const leftMs = Math.ceil((failure?.triedAgainAt ?? 0) - this.#now());
    if (failure && leftMs > 0) throw failure.unknown ?? unreachable(leftMs);
  }

  /** Opens a tenant as soon as there is room. @throws {NoRoomError} if there is none in time. */
  async #begin(tenant: string): Promise<void> {
    if (this.#entries.size >= this.#options.limit) {
      await this.#options.find?.(tenant).catch((error: unknown) => {
        throw this.#failed(tenant, error);
      });
    }
    const until = performance.now() + ROOM_WITHIN_MS;
    while (this.#entries.size >= this.#options.limit) {
      const left = until - performance.now();
      if (left <= 0) throw new NoRoomError();
      const idle = this.#longestIdle();
      if (idle) await this.#close(...idle);
      else await within<unknown>(Math.min(left, LOOK_AGAIN_MS), this.#released.promise, () => undefined);
    }
    this.#refuseStopped();
    this.#open(tenant);
  }

  /** The tenant that was not used for the longest time, of those that may be closed; first those that nobody wanted. */
  #longestIdle(): [string, Holding<T>] | undefined {
    const idle = [...this.#entries].filter(
      ([, { users, value, closed }]) => users === 0 && value && !closed && !value.isBusy,
    );
    return idle.find(([, { isWanted }]) => !isWanted) ?? idle[0];
  }

  #refuseStopped(): void {
    if (this.#isStopping) throw new TenantUnavailableError(FULL_RETRY_MS, 'The server is shutting down.');
  }

  #wakeWaiting(): void {
    this.#released.resolve();
    this.#released = Promise.withResolvers();
  }

  #close(tenant: string, entry: Holding<T>): Promise<void> {
    const close = async () => {
      try {
        await (await entry.opened).close();
      } catch (error) {
        this.#options.onFailed(tenant, 'close', error);
      }
      if (this.#entries.get(tenant) === entry) this.#entries.delete(tenant);
      this.#wakeWaiting();
    };
    entry.closed ??= close();
    return entry.closed;
  }
}
