import { connect, type Login } from '../../database/session.ts';
import { every, type Timer } from '../../scheduling/timers.ts';
import type { EngineObserver } from '../observe/occurrences.ts';
import { NotificationBuffer, type RemoteAdvance } from './notification-buffer.ts';
import { type NotificationHandlers, NotificationListener } from './notification-listener.ts';
import { NotificationSender } from './notification-sender.ts';

/**
 * If no notification arrives for this time, this instance sends itself one, in ms: a dead connection looks like a quiet
 * one.
 */
const HEARTBEAT_MS = 10_000;
/** Maximum time for sending the last notification when it closes, in ms. */
const CLOSE_MS = 1000;

export interface WakeUpOptions {
  readonly url: string;
  /** Default: the user of the URL. */
  readonly login?: Login | undefined;
  /** The channel of the store. */
  readonly channel: string;
  /** Called once if something does not work, and again only if it has worked in between. */
  readonly observer: EngineObserver;
  /**
   * If no notification arrives for this time, the instance checks whether any can, in ms. Default: {@link
   * HEARTBEAT_MS}.
   */
  readonly heartbeatMs?: number | undefined;
}

/**
 * Notifies the other processes on the database, and is notified by them. This is only a shortcut: a lost notification,
 * or a pooler on which LISTEN does not work, costs the time until the next query. Notifications are sent outside the
 * append's transaction, because a NOTIFY in it would take a lock of the whole cluster with every commit. What a
 * notification reports is never lost afterwards, although batches are committed without waiting for the disk: a NOTIFY
 * is a transaction with an entry in the write-ahead log after theirs, and is delivered when that is on disk. So a
 * notification is reliable even after a crash of Postgres.
 */
export class WakeUp {
  readonly #buffer = new NotificationBuffer();
  readonly #sender: NotificationSender;
  readonly #listener: NotificationListener;
  readonly #heartbeatMs: number;
  #heartbeat: Timer | undefined;
  #isClosed = false;

  constructor({ url, login, channel, observer, heartbeatMs = HEARTBEAT_MS }: WakeUpOptions) {
    this.#heartbeatMs = heartbeatMs;
    // It needs clients of its own: LISTEN occupies a connection permanently, and Drizzle changes the clients that it is
    // given.
    const open = () => connect({ url, login, applicationName: 'afterwrite wake-up' }, { max: 1 });
    const self = Math.random().toString(36).slice(2);
    this.#listener = new NotificationListener({
      connect: open,
      channel,
      self,
      lastSent: () => this.#sender.number,
      prove: () => this.#sender.sendNow(),
      observer,
    });
    this.#sender = new NotificationSender(this.#buffer, {
      client: open(),
      channel,
      self,
      observer,
      onSent: (number) => this.#listener.sent(number),
    });
  }

  /** Starts listening. */
  start(handlers: NotificationHandlers): void {
    if (this.#isClosed) return;
    this.#listener.start(handlers);
    this.#heartbeat = every(this.#heartbeatMs / 2, () => this.#beat());
  }

  /** True if notifications of other instances can arrive. */
  get canListen(): boolean {
    return this.#listener.canListen;
  }

  /** Notifies the others soon of a new end of the log. */
  appended(position: number, recordedAt?: Date): void {
    this.#buffer.appended(position, recordedAt);
    this.#sender.schedule();
  }

  /** Notifies the others soon that this instance has moved a projection. */
  moved(projection: string, advance: RemoteAdvance): void {
    this.#buffer.moved(projection, advance);
    this.#sender.schedule();
  }

  /** Notifies the others soon that this instance has released projections. */
  released(): void {
    this.#buffer.released();
    this.#sender.schedule();
  }

  /** Sends what is waiting, and ends. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#heartbeat?.cancel();
    await this.#sender.close(CLOSE_MS);
    await this.#listener.close();
  }

  /** The echo of this notification shows that notifications arrive. If it does not come, they do not. */
  #beat(): void {
    if (this.#listener.quietMs >= this.#heartbeatMs && this.#listener.expectsEcho) this.#sender.sendNow();
  }
}
