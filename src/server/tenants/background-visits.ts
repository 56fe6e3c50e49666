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
  /** Time between two visits to all tenants, in ms; {@link ROUND_MS} by default. */
  readonly roundMs?: number;
}

/**
 * Time between two visits to all tenants, in ms. When the work of a closed tenant is due is known to the server that has closed it
 * alone. If that server is gone for good, another one finds the work in its next round.
 */
const ROUND_MS = 60 * 60_000;

/** When a tenant that could not be visited is visited again, in ms. */
export const AGAIN_MS = 10_000;
/** The same for one that cannot be visited again and again: each attempt may take the place of a tenant that could be used. */
const AGAIN: Backoff = { firstMs: AGAIN_MS, maxMs: 10 * 60_000, jitter: 0.2 };

/**
 * Opens tenants whom nobody asks for, because their processes have something to do: all of them after the start and in every round, and
 * each one when its next deadline is due. One at a time, so that this takes no more than one place from those who are asked for.
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
  #round: Timer | undefined;

  constructor(options: BackgroundVisitsOptions) {
    this.#options = options;
  }

  /** Visits all tenants, beginning now, and again in every round. */
  start(): void {
    this.#options.list().then(
      (tenants) => {
        if (this.#isStopped) return;
        for (const tenant of tenants) this.#due.add(tenant);
        void this.#visitDue();
        this.#startIn(this.#options.roundMs ?? ROUND_MS);
      },
      (error) => {
        this.#options.onError(error);
        if (!this.#isStopped) this.#startIn(AGAIN_MS);
      },
    );
  }

  #startIn(ms: number): void {
    this.#round = later(ms, () => this.start(), { keepsProcess: false });
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
    this.#round?.cancel();
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
