import { connect, type Login } from '../../database/session.ts';
import { every, type Timer } from '../../scheduling/timers.ts';
import type { EngineObserver } from '../observe/occurrences.ts';
import { type Notification, NotificationBuffer, type RemoteAdvance } from './notification-buffer.ts';
import { type NotificationHandlers, NotificationListener } from './notification-listener.ts';
import { NotificationSender } from './notification-sender.ts';

/**
 * If an instance has sent no notification for this time, it sends an empty one, in ms. Its echo shows that notifications
 * arrive, since a dead connection looks like a quiet one. To others it shows that the instance is still there.
 */
const HEARTBEAT_MS = 10_000;
/** After this number of heartbeats without a notification of another instance, an instance is alone. */
const ALONE_AFTER = 6;
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
  /** If nothing was sent for this time, the instance sends an empty notification, in ms. Default: {@link HEARTBEAT_MS}. */
  readonly heartbeatMs?: number | undefined;
}

/**
 * Notifies the other processes on the database, and is notified by them. This is only a shortcut: a lost notification,
 * or a pooler on which LISTEN does not work, costs the time until the next query. Notifications are sent outside the
 * append's transaction, because a NOTIFY in it would take a lock of the whole cluster with every commit. What a
 * notification reports is never lost afterwards, although batches are committed without waiting for the disk: a NOTIFY
 * is a transaction with an entry in the write-ahead log after theirs, and is delivered when that is on disk. So a
 * notification is reliable even after a crash of Postgres.
 *
 * While no other instance listens, nothing is sent: that would be a tenth of what a command costs. An instance that begins
 * to listen greets the others. They answer with what they have not sent, and notify from then on.
 */
export class WakeUp {
  readonly #buffer = new NotificationBuffer();
  readonly #sender: NotificationSender;
  readonly #listener: NotificationListener;
  readonly #heartbeatMs: number;
  #heartbeat: Timer | undefined;
  /** When listening began or the last notification of another instance arrived, by `performance.now()`. */
  #heardAt = Number.NEGATIVE_INFINITY;
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
      greet: () => {
        // Others may be there that do not answer: those of an earlier release do not know greetings.
        this.#heardAt = performance.now();
        this.#sender.sendNow({ isGreeting: true });
      },
      observer,
    });
    this.#sender = new NotificationSender(this.#buffer, {
      client: open(),
      channel,
      self,
      isHeard: () => this.hasListeners,
      observer,
      onSent: (number) => this.#listener.sent(number),
    });
  }

  /** Starts listening. */
  start(handlers: NotificationHandlers): void {
    if (this.#isClosed) return;
    const { onNotification } = handlers;
    this.#listener.start({
      ...handlers,
      onNotification: (notification) => {
        this.#heard(notification);
        if (saysSomething(notification)) onNotification(notification);
      },
    });
    this.#heartbeat = every(this.#heartbeatMs / 2, () => this.#beat());
  }

  /** True if notifications of other instances can arrive. */
  get canListen(): boolean {
    return this.#listener.canListen;
  }

  /** False if no other instance would receive a notification, as far as this one can know. */
  get hasListeners(): boolean {
    return !this.canListen || performance.now() - this.#heardAt < ALONE_AFTER * this.#heartbeatMs;
  }

  /** Notifies the others soon of a new end of the log. */
  appended(position: number, recordedAt?: Date): void {
    this.#buffer.appended(position, recordedAt);
    this.#sender.schedule();
  }

  /** Notifies the others soon that this instance has moved a projection. */
  moved(projection: string, advance: RemoteAdvance): void {
    // Whoever comes later learns that rows have changed, but not which ones: there may be any number of them.
    this.#buffer.moved(projection, this.hasListeners ? advance : { ...advance, keys: null, former: undefined });
    this.#sender.schedule();
  }

  /** Notifies the others that this instance has released projections, even if it seems to be alone: it happens seldom. */
  released(): void {
    this.#buffer.released();
    this.#sender.sendNow();
  }

  /** Sends what is waiting, and ends. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#heartbeat?.cancel();
    await this.#sender.close(CLOSE_MS);
    await this.#listener.close();
  }

  #heard({ isGreeting }: Notification): void {
    this.#heardAt = performance.now();
    if (isGreeting) this.#sender.sendNow();
    // What was not sent while nobody seemed to listen.
    else if (!this.#buffer.isEmpty) this.#sender.schedule();
  }

  #beat(): void {
    if (this.#sender.quietMs < this.#heartbeatMs || !this.#listener.expectsEcho) return;
    this.#sender.sendNow({ isBlank: !this.hasListeners });
  }
}

/** False for a notification that only shows that its sender is there. */
function saysSomething({ head, moved, released }: Notification): boolean {
  return head > 0 || released || Object.keys(moved).length > 0;
}
