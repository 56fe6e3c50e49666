import type postgres from 'postgres';
import { later, type Timer } from '../../scheduling/timers.ts';
import type { EngineObserver } from '../observe/occurrences.ts';
import { type Notification, readNotification } from './notification-buffer.ts';

/** Time within which an instance's own notification comes back if notifications arrive, in ms. */
const ECHO_MS = 3000;
/** Pause between two attempts to listen, in ms. */
const RETRY_MS = 15_000;

/** Notifications of other instances do not arrive in this one. */
export class NotListeningError extends Error {
  readonly code = 'NOT_LISTENING';

  constructor(cause?: unknown) {
    const why =
      cause instanceof Error ? cause.message : 'behind a pooler in transaction mode, or a connection is silent';
    super(
      `Notifications of Postgres do not arrive (${why}): changes by other instances are found by polling, somewhat later. ` +
        'Let DATABASE_URL lead to Postgres itself, so that they arrive at once.',
      { cause },
    );
    this.name = 'NotListeningError';
  }
}

/** Callbacks of a listener. */
export interface NotificationHandlers {
  /** Called with a notification of another instance. */
  readonly onNotification: (notification: Notification) => void;
  /**
   * Called if other instances may have done something, so that it must be looked up. This includes whenever listening
   * begins, because notifications may have been missed.
   */
  readonly onWake: () => unknown;
}

export interface NotificationListenerOptions {
  /** Opens a client of its own. */
  readonly connect: () => postgres.Sql;
  readonly channel: string;
  /** The name of this instance in its notifications. */
  readonly self: string;
  /** The number of the last notification that this instance has sent. */
  readonly lastSent: () => number;
  /** Sends a notification, because listening has begun. Its echo shows that notifications arrive. */
  readonly greet: () => void;
  /** Called once if notifications do not arrive, and again only if they have arrived in between. */
  readonly observer: EngineObserver;
}

/**
 * - `off`: not started, or closed.
 * - `connecting`: LISTEN was sent.
 * - `listening`: Postgres has answered. Each notification of this instance must come back as an echo.
 * - `retrying`: LISTEN failed, or an echo did not come. It listens again after a pause.
 */
type State = 'off' | 'connecting' | 'listening' | 'retrying';

/**
 * Listens to notifications, and detects if they do not arrive. If the instance's own do not, those of others do not
 * either.
 */
export class NotificationListener {
  readonly #options: NotificationListenerOptions;
  #handlers: NotificationHandlers | undefined;
  #state: State = 'off';
  #client: postgres.Sql | undefined;
  /** Ends the wait for an echo while `listening`, and the wait for the next attempt while `retrying`. */
  #timer: Timer | undefined;
  /**
   * Number of the first notification whose echo is expected. Those that were sent before listening began do not come
   * back.
   */
  #nextEcho = 0;
  /** True if LISTEN failed or an echo did not come, and nothing has arrived since. */
  #isDoubtful = false;

  constructor(options: NotificationListenerOptions) {
    this.#options = options;
  }

  /** True if notifications of other instances can arrive. */
  get canListen(): boolean {
    return this.#state === 'listening' && !this.#isDoubtful;
  }

  /** True if the echo of a notification would show that notifications arrive. */
  get expectsEcho(): boolean {
    return this.#state === 'listening';
  }

  start(handlers: NotificationHandlers): void {
    this.#handlers = handlers;
    this.#connect();
  }

  /** Records that this instance has sent a notification. */
  sent(number: number): void {
    if (this.#state !== 'listening' || number < this.#nextEcho || this.#timer) return;
    this.#timer = later(ECHO_MS, () => this.#stopListening(undefined), { keepsProcess: false });
  }

  async close(): Promise<void> {
    this.#enter('off');
    await this.#client?.end({ timeout: 0 });
  }

  #enter(state: State): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#state = state;
  }

  #connect(): void {
    this.#enter('connecting');
    void this.#client?.end({ timeout: 0 }).catch(() => undefined);
    const client = this.#options.connect();
    this.#client = client;
    const isCurrent = () => this.#client === client && this.#state !== 'off';
    client
      .listen(
        this.#options.channel,
        (payload) => isCurrent() && this.#received(payload),
        // This is also called when the driver listens again on another connection.
        () => isCurrent() && this.#listens(),
      )
      .catch((error) => isCurrent() && this.#stopListening(error));
  }

  #listens(): void {
    this.#enter('listening');
    this.#nextEcho = this.#options.lastSent() + 1;
    this.#handlers?.onWake();
    this.#options.greet();
  }

  #received(payload: string): void {
    const notification = readNotification(payload);
    if (notification?.sender === this.#options.self) {
      this.#enter('listening');
      this.#isDoubtful = false;
      this.#nextEcho = notification.number + 1;
    } else if (notification) this.#handlers?.onNotification(notification);
    else this.#handlers?.onWake();
  }

  #stopListening(cause: unknown): void {
    const hasWorked = this.canListen;
    if (!this.#isDoubtful)
      this.#options.observer.tell('faultMet', { error: new NotListeningError(cause), context: { part: 'wake-up' } });
    this.#isDoubtful = true;
    if (hasWorked) {
      // Perhaps only this connection has fallen silent, so it tries another one.
      this.#connect();
      return;
    }
    this.#enter('retrying');
    this.#timer = later(RETRY_MS, () => this.#connect(), { keepsProcess: false });
  }
}
