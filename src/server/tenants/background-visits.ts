import { TenantUnknownError } from '../../kernel/errors.ts';
import { type Backoff, backoffMs } from '../../scheduling/backoff.ts';
import { later, type Timer } from '../../scheduling/timers.ts';
import { NoRoomError } from './tenant-registry.ts';

export interface BackgroundVisitsOptions {
  /** The names of all tenants. */
  readonly list: () => Promise<readonly string[]>;
  /**
   * Opens a tenant, and leaves it as soon as it is open: it stays open as long as it is busy.
   * @throws {TenantUnknownError} if it is gone: then it is not visited again; {@link NoRoomError} if too many others are in use. Any
   *   other error: it cannot be opened now.
   */
  readonly visit: (tenant: string) => Promise<void>;
  /** Told if the tenants cannot be listed. */
  readonly onError: (error: unknown) => void;
  /** When a tenant that could not be visited is visited again; {@link AGAIN} by default. */
  readonly again?: Backoff;
}

/** When a tenant that could not be visited is visited again, in ms. */
export const AGAIN_MS = 10_000;
/** The same for one that cannot be visited again and again: each attempt may take the place of a tenant that could be used. */
const AGAIN: Backoff = { firstMs: AGAIN_MS, maxMs: 10 * 60_000, jitter: 0.2 };

/**
 * Opens tenants whom nobody asks for, because their processes have something to do: all of them once after the start, and each one
 * when its next deadline is due. One at a time, so that this takes no more than one place from those who are asked for.
 */
export class BackgroundVisits {
  readonly #options: BackgroundVisitsOptions;
  readonly #alarms = new Map<string, Timer>();
  /** How often in a row a tenant could not be visited. */
  readonly #failures = new Map<string, number>();
  /** Tenants to visit, each once. */
  readonly #due = new Set<string>();
  #isVisiting = false;
  #isStopped = false;
  #listing: Timer | undefined;

  constructor(options: BackgroundVisitsOptions) {
    this.#options = options;
  }

  /** Visits all tenants, beginning now. */
  start(): void {
    this.#options.list().then(
      (tenants) => {
        for (const tenant of tenants) this.#due.add(tenant);
        this.#visitDue();
      },
      (error) => {
        this.#options.onError(error);
        if (!this.#isStopped) this.#listing = later(AGAIN_MS, () => this.start(), { keepsProcess: false });
      },
    );
  }

  /** Visits a tenant that has been closed after this time. @param ms undefined: not at all. */
  visitIn(tenant: string, ms: number | undefined): void {
    this.#alarms.get(tenant)?.cancel();
    this.#alarms.delete(tenant);
    if (ms === undefined || this.#isStopped) return;
    const ring = () => {
      this.#alarms.delete(tenant);
      this.#due.add(tenant);
      this.#visitDue();
    };
    this.#alarms.set(tenant, later(ms, ring, { keepsProcess: false }));
  }

  stop(): void {
    this.#isStopped = true;
    this.#listing?.cancel();
    this.#due.clear();
    for (const alarm of this.#alarms.values()) alarm.cancel();
    this.#alarms.clear();
  }

  async #visitDue(): Promise<void> {
    if (this.#isVisiting) return;
    this.#isVisiting = true;
    for (const tenant of this.#due) {
      this.#due.delete(tenant);
      await this.#visit(tenant);
    }
    this.#isVisiting = false;
  }

  async #visit(tenant: string): Promise<void> {
    const failures = this.#failures.get(tenant) ?? 0;
    this.#failures.delete(tenant);
    try {
      await this.#options.visit(tenant);
    } catch (error) {
      // What is wrong was told where it was opened.
      if (error instanceof TenantUnknownError || this.#isStopped) return;
      // That there is no room is no failure of this tenant: it is not tried less often.
      const counted = error instanceof NoRoomError ? failures : failures + 1;
      if (counted > 0) this.#failures.set(tenant, counted);
      this.visitIn(tenant, backoffMs(Math.max(1, counted), this.#options.again ?? AGAIN));
    }
  }
}
