import type postgres from 'postgres';
import { pause } from '../../scheduling/sleeper.ts';
import { later, type Timer } from '../../scheduling/timers.ts';
import type { EngineObserver } from '../observe/occurrences.ts';
import { blankNotification, type NotificationBuffer } from './notification-buffer.ts';

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
  /** False while nobody would receive a notification: then the content of the buffer waits. */
  readonly isHeard: () => boolean;
  /** Called with the number of each notification that was sent. */
  readonly onSent: (number: number) => void;
  /** Called once if sending fails, and again only if it has worked in between. */
  readonly observer: EngineObserver;
}

interface NotificationKind {
  /** Listening has begun: others are to answer. */
  readonly isGreeting?: boolean;
  /** Shows only that this instance is there. The content of the buffer waits. */
  readonly isBlank?: boolean;
}

/** Sends the content of a buffer, soon and with a minimum time between two notifications. */
export class NotificationSender {
  readonly #buffer: NotificationBuffer;
  readonly #options: NotificationSenderOptions;
  #number = 0;
  #timer: Timer | undefined;
  #sendAfter = 0;
  #sending: Promise<void> | undefined;
  #sentAt = 0;
  /** One is to be sent after the one in progress, even if the buffer is empty. */
  #another: NotificationKind | undefined;
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

  /** How long none was sent, in ms. */
  get quietMs(): number {
    return performance.now() - this.#sentAt;
  }

  /** Schedules a notification, because the buffer has content. */
  schedule(): void {
    if (this.#timer || this.#sending || this.#isClosed || !this.#options.isHeard()) return;
    this.#timer = later(Math.max(0, this.#sendAfter - performance.now()), () => {
      this.#timer = undefined;
      void this.#send();
    });
  }

  /** Sends a notification, even if the buffer is empty: now, or after the one in progress. */
  sendNow({ isGreeting = false, isBlank = false }: NotificationKind = {}): void {
    if (this.#isClosed) return;
    const other = this.#another;
    if (!this.#sending) void this.#send({ isGreeting, isBlank });
    else {
      this.#another = {
        isGreeting: isGreeting || other?.isGreeting === true,
        isBlank: isBlank && other?.isBlank !== false,
      };
    }
  }

  /**
   * Sends the content of the buffer, even if nobody seems to hear it, and ends.
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

  #send({ isGreeting = false, isBlank = false }: NotificationKind = {}): Promise<void> {
    const { client, channel, self, onSent, observer } = this.#options;
    this.#timer?.cancel();
    this.#timer = undefined;
    const number = ++this.#number;
    const payload = isBlank ? blankNotification(self, number) : this.#buffer.take(self, number, isGreeting);
    this.#sentAt = performance.now();
    this.#sendAfter = this.#sentAt + INTERVAL_MS;
    this.#sending = client
      // Not the driver's `notify`, because only this way of sending has a timeout. Prepared, because otherwise the driver
      // asks for the types of the parameters each time.
      .unsafe('select pg_notify($1, $2)', [channel, payload], { prepare: true })
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
        const another = this.#another;
        this.#another = undefined;
        if (another) this.sendNow(another);
        else if (!this.#buffer.isEmpty) this.schedule();
      });
    return this.#sending;
  }
}
