import { callerKey } from '../../kernel/define/access/actor.ts';
import { TenantRequiredError, UnauthenticatedError } from '../../kernel/errors.ts';
import type { ActiveCallers } from '../../scheduling/active-callers.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import type { Authenticated } from '../auth/claims.ts';
import { type Release, takeAll } from './concurrency.ts';
import type { CallerLimits, Spender } from './limits.ts';
import { type Limit, OverLimitError } from './over-limit.ts';
import type { CallerRefusal, Refusals, Transport } from './refusals.ts';

/** The parts that admit callers; shared by all transports. */
export interface CallerChecks {
  readonly limits: CallerLimits;
  readonly refusals: Refusals;
  readonly authenticator: Authenticator;
  /** Told who asks for something. */
  readonly activeCallers: ActiveCallers;
}

/** Facts about a refusal in addition to those of the visit. */
export interface RefusedVisit extends Pick<CallerRefusal, 'code' | 'status' | 'correlationId' | 'why'> {
  readonly limit?: Limit | undefined;
}

/** One caller's way through the server: a request, or a WebSocket for as long as it is open. */
export class Visit {
  readonly address: string;
  readonly #gate: CallerChecks;
  readonly #transport: Transport;
  #authenticated: Authenticated | null = null;
  readonly #releases = new Set<Release>();
  #isRefused = false;
  #hasLeft = false;

  constructor(gate: CallerChecks, transport: Transport, address: string) {
    this.#gate = gate;
    this.#transport = transport;
    this.address = address;
  }

  /** True for a request, false for a WebSocket. */
  get isHttp(): boolean {
    return this.#transport === 'http';
  }

  /** Null for an anonymous caller. */
  get authenticated(): Authenticated | null {
    return this.#authenticated;
  }

  /**
   * Authenticates the caller. No signature is checked for an address that has sent many bad tokens.
   * @throws {OverLimitError | UnauthenticatedError | AuthUnavailableError} {@link TenantRequiredError} if the application has
   *   tenants, and the caller has none.
   */
  async authenticate(credentials: string | undefined): Promise<void> {
    const { limits, authenticator } = this.#gate;
    if (credentials !== undefined) limits.mayAuthenticate(this.address);
    try {
      this.#authenticated = await authenticator.authenticate(credentials);
    } catch (error) {
      if (error instanceof UnauthenticatedError) await limits.badCredentials(this.address);
      throw error;
    }
    if (authenticator.needsTenant && this.#authenticated?.actor.tenant === undefined) {
      throw new TenantRequiredError('This API has tenants. Send an access token that names one.');
    }
  }

  /** The name under which the caller's shares are counted: see {@link callerKey}. */
  get caller(): string {
    return callerKey(this.#authenticated?.actor ?? null, this.address);
  }

  /** Counts a request, or a WebSocket that is opened. @returns undefined if that is done at once. @throws {OverLimitError} */
  request(): Promise<void> | undefined {
    return this.#gate.limits.request(this.address);
  }

  /** Counts what an operation costs. @returns undefined if that is done at once. @throws {OverLimitError} */
  spend(points: number): Promise<void> | undefined {
    return this.#gate.limits.spend(this.#spender, points);
  }

  /** Checks that an operation that had to wait may begin. @throws {OverLimitError} */
  mayBegin(): void {
    this.#gate.limits.mayBegin(this.#spender);
  }

  /** Holds a place for a query or mutation until {@link leave}. @throws {OverLimitError} */
  operate(): void {
    this.#gate.activeCallers.saw(this.caller);
    this.#releases.add(this.#gate.limits.operation(this.#spender));
  }

  /** Holds a place for a WebSocket until {@link leave}. @throws {OverLimitError} */
  connect(): void {
    this.#releases.add(this.#gate.limits.socket(this.address));
  }

  /**
   * Holds a place for something that arrives slowly, until it is released or the caller leaves. @throws
   * {OverLimitError}
   */
  sendSlowly(): Release {
    const place = this.#gate.limits.slowBody(this.address);
    const release = () => {
      place();
      this.#releases.delete(release);
    };
    this.#releases.add(release);
    return release;
  }

  /**
   * Holds a place for a subscription until it is released or the caller leaves. Over HTTP it is also an event stream.
   * @throws {OverLimitError}
   */
  subscribe(): Release {
    const { limits } = this.#gate;
    const isStream = this.isHttp;
    const places = takeAll(
      () => limits.subscription(this.#spender),
      () => (isStream ? limits.eventStream(this.address) : () => {}),
    );
    // A stream stays open, so it no longer counts as a running operation.
    if (isStream) this.#giveBack();
    const release = () => {
      places();
      this.#releases.delete(release);
    };
    this.#releases.add(release);
    return release;
  }

  /** Calls the listener when the caller leaves, or at once if they already have. */
  onLeave(listener: Release): void {
    if (this.#hasLeft) listener();
    else this.#releases.add(listener);
  }

  /** Releases all places. Calling it again does nothing. */
  leave(): void {
    this.#hasLeft = true;
    this.#giveBack();
  }

  #giveBack(): void {
    for (const release of this.#releases) release();
    this.#releases.clear();
  }

  /**
   * Logs and counts a refusal of the caller.
   * @param because the error with which they were refused, if known.
   */
  refused({ limit, ...facts }: RefusedVisit, because?: unknown): void {
    const over = limit ?? (because instanceof OverLimitError ? because.limit : undefined);
    const tenant = this.#authenticated?.actor.tenant;
    this.#isRefused = true;
    this.#gate.refusals.refused({
      reason: over ?? (facts.code ?? 'other').toLowerCase(),
      transport: this.#transport,
      ...facts,
      address: this.address,
      actor: this.#authenticated?.actor.id,
      ...(tenant !== undefined && { tenant }),
    });
  }

  /** Whether {@link refused} was called. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  get #spender(): Spender {
    return { address: this.address, actor: this.#authenticated?.actor ?? null };
  }
}
