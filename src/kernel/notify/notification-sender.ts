import type postgres from 'postgres';
import { pause } from '../../scheduling/sleeper.ts';
import { later, type Timer } from '../../scheduling/timers.ts';
import type { EngineObserver } from '../observe/occurrences.ts';
import type { NotificationBuffer } from './notification-buffer.ts';

/** Minimum time between two notifications, in ms. It keeps their number small, however many appends there are. */
const INTERVAL_MS = 10;
/** The same after a notification that could not be sent. */
const PAUSE_MS = 1000;

export interface NotificationSenderOptions {
  /** A client of its own. */
  readonly client: postgres.Sql;
  readonly channel: string;
  /** The name of this instance in its notifications. */
  readonly self: string;
  /** Called with the number of each notification that was sent. */
  readonly onSent: (number: number) => void;
  /** Called once if sending fails, and again only if it has worked in between. */
  readonly observer: EngineObserver;
}

/** Sends the content of a buffer, soon and with a minimum time between two notifications. */
export class NotificationSender {
  readonly #buffer: NotificationBuffer;
  readonly #options: NotificationSenderOptions;
  #number = 0;
  #timer: Timer | undefined;
  #sendAfter = 0;
  #sending: Promise<void> | undefined;
  #isFailing = false;
  #isClosed = false;

  constructor(buffer: NotificationBuffer, options: NotificationSenderOptions) {
    this.#buffer = buffer;
    this.#options = options;
  }

  /** The number of the last notification. */
  get number(): number {
    return this.#number;
  }

  /** Schedules a notification, because the buffer has content. */
  schedule(): void {
    if (this.#timer || this.#sending || this.#isClosed) return;
    this.#timer = later(Math.max(0, this.#sendAfter - performance.now()), () => {
      this.#timer = undefined;
      void this.#send();
    });
  }

  /** Sends a notification now, even if the buffer is empty, unless one is in progress. */
  sendNow(): void {
    if (!this.#sending) void this.#send();
  }

  /**
   * Sends the content of the buffer, and ends.
   * @param ms maximum time to wait, in ms.
   */
  async close(ms: number): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    const over = pause(ms, undefined, { keepsProcess: false });
    await Promise.race([over, this.#sending]);
    if (!this.#buffer.isEmpty) await Promise.race([over, this.#send()]);
    await this.#options.client.end({ timeout: 0 });
  }

  #send(): Promise<void> {
    const { client, channel, self, onSent, observer } = this.#options;
    const number = ++this.#number;
    this.#sendAfter = performance.now() + INTERVAL_MS;
    this.#sending = client
      // Not the driver's `notify`, because only this way of sending has a timeout.
      .unsafe('select pg_notify($1, $2)', [channel, this.#buffer.take(self, number)])
      .then(
        () => {
          this.#isFailing = false;
          onSent(number);
        },
        (error) => {
          this.#sendAfter = performance.now() + PAUSE_MS;
          if (!this.#isFailing && !this.#isClosed) observer.tell('faultMet', { error, context: { part: 'wake-up' } });
          this.#isFailing = true;
        },
      )
      .then(() => {
        this.#sending = undefined;
        if (!this.#buffer.isEmpty) this.schedule();
      });
    return this.#sending;
  }
}
