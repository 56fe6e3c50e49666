import { connect, type Login } from '../../database/session.ts';
import { every, type Timer } from '../../scheduling/timers.ts';
import { NotificationBuffer, type RemoteAdvance } from './notification-buffer.ts';
import { type NotificationHandlers, NotificationListener } from './notification-listener.ts';
import { NotificationSender } from './notification-sender.ts';

/** If nothing was heard for so long, this instance sends itself something, in ms: a connection that is silent looks like a quiet one. */
const HEARTBEAT_MS = 10_000;
/** What is still to be said when this ends may take as long, in ms. */
const CLOSE_MS = 1000;

export interface WakeUpOptions {
  readonly url: string;
  /** Undefined: the user of the URL. */
  readonly login?: Login | undefined;
  /** Told once of what does not work, and again only if it had worked in between. */
  readonly onError: (error: unknown) => void;
  /** If nothing was heard for so long, it is tried whether anything can be, in ms; {@link HEARTBEAT_MS} unless told. */
  readonly heartbeatMs?: number | undefined;
}

/**
 * Tells other processes on the database what this one has done, and is told. It is a shortcut, never the way: a lost
 * notification, or a pooler on which LISTEN does not work, costs the time until the next look.
 *
 * Outside the append's transaction, since a NOTIFY in it would take a lock of the whole cluster with every commit.
 *
 * What is told is never lost afterwards, although batches are committed without waiting for the disk: a NOTIFY is a transaction
 * with an entry in the write-ahead log behind theirs, and is delivered when that is on disk. So it may be believed also after a
 * crash of Postgres, when nothing else is.
 */
export class WakeUp {
  readonly #buffer = new NotificationBuffer();
  readonly #sender: NotificationSender;
  readonly #listener: NotificationListener;
  readonly #heartbeatMs: number;
  #heartbeat: Timer | undefined;
  #isClosed = false;

  constructor({ url, login, onError, heartbeatMs = HEARTBEAT_MS }: WakeUpOptions) {
    this.#heartbeatMs = heartbeatMs;
    // Connections of its own: LISTEN keeps one for good, and Drizzle changes the clients that it is given.
    const open = () => connect({ url, login, applicationName: 'afterwrite wake-up' }, { max: 1 });
    const self = Math.random().toString(36).slice(2);
    this.#listener = new NotificationListener({
      connect: open,
      self,
      lastSent: () => this.#sender.number,
      prove: () => this.#sender.sendNow(),
      onError,
    });
    this.#sender = new NotificationSender(this.#buffer, {
      client: open(),
      self,
      onError,
      onSent: (number) => this.#listener.sent(number),
    });
  }

  /** Begins to listen. */
  start(handlers: NotificationHandlers): void {
    if (this.#isClosed) return;
    this.#listener.start(handlers);
    this.#heartbeat = every(this.#heartbeatMs / 2, () => this.#beat());
  }

  /** Whether other instances can tell this one anything. */
  get canListen(): boolean {
    return this.#listener.canListen;
  }

  /** Tells the others, soon and at most once in a while, that the log goes on to a position. */
  appended(position: number, recordedAt?: Date): void {
    this.#buffer.appended(position, recordedAt);
    this.#sender.schedule();
  }

  /** The same of a projection that this instance has moved. */
  moved(projection: string, advance: RemoteAdvance): void {
    this.#buffer.moved(projection, advance);
    this.#sender.schedule();
  }

  /** The same of projections that it has given up. */
  released(): void {
    this.#buffer.released();
    this.#sender.schedule();
  }

  /** Sends what waits, and ends. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#heartbeat?.cancel();
    await this.#sender.close(CLOSE_MS);
    await this.#listener.close();
  }

  /** Its echo shows that notifications arrive; that it does not come shows that they do not. */
  #beat(): void {
    if (this.#listener.quietMs >= this.#heartbeatMs && this.#listener.expectsEcho) this.#sender.sendNow();
  }
}
