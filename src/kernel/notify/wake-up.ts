import { setTimeout as delay } from 'node:timers/promises';
import type postgres from 'postgres';
import { connect, type Login } from '../../database/session.ts';
import { type Move, type News, NewsDesk, readNews } from './news.ts';

const CHANNEL = 'afterwrite_appended';
/** Between two notifications, in ms: however many appends, few wake-ups. */
const INTERVAL_MS = 10;
/** The same after one that could not be sent. */
const PAUSE_MS = 1000;
/** How soon one's own notification comes back where notifications arrive, in ms. */
const ECHO_MS = 3000;
/** Between two attempts to listen where that does not work, in ms. */
const RETRY_MS = 15_000;
/** If nothing was heard for so long, this instance sends itself something, in ms: a connection that is silent looks like a quiet one. */
const HEARTBEAT_MS = 10_000;
/** What is still to be said when this ends may take as long, in ms. */
const CLOSE_MS = 1000;

/** Notifications of other instances do not arrive here. */
export class NotListeningError extends Error {
  readonly code = 'NOT_LISTENING';

  constructor(cause?: unknown) {
    const why =
      cause instanceof Error ? cause.message : 'behind a pooler in transaction mode, or a connection is silent';
    super(
      `Notifications of Postgres do not arrive (${why}): what other instances do is noticed by looking, somewhat later. ` +
        'Let DATABASE_URL lead to Postgres itself to have it at once.',
      { cause },
    );
    this.name = 'NotListeningError';
  }
}

export interface WakeUpOptions {
  readonly url: string;
  /** Undefined: the user of the URL. */
  readonly login?: Login | undefined;
  /** Another instance tells what it has done. */
  readonly onNews?: (news: News) => void;
  /** Somebody may have done something: look. Also called whenever listening begins or begins again, for what was missed. */
  readonly onWake: () => void;
  /** Told once of what does not work, and again only when it had worked in between. */
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
  readonly #options: WakeUpOptions;
  readonly #sql: postgres.Sql;
  readonly #self = Math.random().toString(36).slice(2);
  readonly #desk = new NewsDesk();
  #number = 0;
  #ear: postgres.Sql | undefined;
  #isListening = false;
  /** The number of the next message that has to come back; what was sent before this instance listened does not. */
  #nextEcho = Number.POSITIVE_INFINITY;
  #echo: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #lastHeard = 0;
  #timer: NodeJS.Timeout | undefined;
  #sendAfter = 0;
  #sending: Promise<void> | undefined;
  readonly #works = { sending: true, listening: true };
  #closed = false;

  constructor(options: WakeUpOptions) {
    this.#options = options;
    this.#sql = this.#connect();
  }

  /** Begins to listen. */
  start(): void {
    if (this.#closed) return;
    this.#listen();
    this.#heartbeat = setInterval(() => this.#beat(), this.#heartbeatMs / 2).unref();
  }

  get #heartbeatMs(): number {
    return this.#options.heartbeatMs ?? HEARTBEAT_MS;
  }

  /** Notifications do not arrive: nobody else can tell this instance anything. */
  get isDeaf(): boolean {
    return !this.#isListening || !this.#works.listening;
  }

  /** Tells the others, soon and at most once in a while, that the log goes on to a position. */
  appended(position: number, recordedAt?: Date): void {
    this.#desk.appended(position, recordedAt);
    this.#schedule();
  }

  /** The same of a projection that this instance has moved. */
  moved(projection: string, move: Move): void {
    this.#desk.moved(projection, move);
    this.#schedule();
  }

  /** The same of projections that it has given up. */
  released(): void {
    this.#desk.released();
    this.#schedule();
  }

  /** Sends what waits, and ends. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of [this.#timer, this.#echo, this.#retry]) clearTimeout(timer);
    clearInterval(this.#heartbeat);
    const over = delay(CLOSE_MS, undefined, { ref: false });
    await Promise.race([over, this.#sending]);
    if (!this.#desk.isEmpty) await Promise.race([over, this.#send()]);
    await Promise.all([this.#sql, this.#ear].map((sql) => sql?.end({ timeout: 0 })));
  }

  #schedule(): void {
    if (this.#timer || this.#sending || this.#closed) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        void this.#send();
      },
      Math.max(0, this.#sendAfter - performance.now()),
    );
  }

  #send(): Promise<void> {
    const number = ++this.#number;
    this.#sendAfter = performance.now() + INTERVAL_MS;
    this.#sending = this.#sql
      // Not by the driver's `notify`: only what is asked this way is given up if no answer comes.
      .unsafe('select pg_notify($1, $2)', [CHANNEL, this.#desk.take(this.#self, number)])
      .then(
        () => {
          this.#works.sending = true;
          if (number >= this.#nextEcho) this.#expectEcho();
        },
        (error) => {
          this.#sendAfter = performance.now() + PAUSE_MS;
          this.#fails('sending', error);
        },
      )
      .then(() => {
        this.#sending = undefined;
        if (!this.#desk.isEmpty) this.#schedule();
      });
    return this.#sending;
  }

  /** Its echo shows that notifications arrive, or after {@link ECHO_MS} that they do not. */
  #beat(): void {
    const isQuiet = performance.now() - this.#lastHeard >= this.#heartbeatMs;
    if (isQuiet && this.#isListening && this.#works.listening && !this.#sending) void this.#send();
  }

  #listen(): void {
    const ear = this.#connect();
    this.#ear = ear;
    const onListening = () => {
      if (this.#ear !== ear) return;
      this.#isListening = true;
      this.#heard(this.#number);
      this.#options.onWake();
      // Whether it works now is not known before something comes back.
      if (!this.#works.listening && !this.#sending) void this.#send();
    };
    ear
      .listen(CHANNEL, (payload) => this.#received(payload), onListening)
      .catch((error) => {
        if (this.#ear === ear) this.#isDeafFor(error);
      });
  }

  #received(payload: string): void {
    this.#lastHeard = performance.now();
    const news = readNews(payload);
    if (news?.sender === this.#self) {
      this.#works.listening = true;
      this.#heard(news.number);
      return;
    }
    if (news && this.#options.onNews) this.#options.onNews(news);
    else this.#options.onWake();
  }

  #heard(number: number): void {
    this.#nextEcho = number + 1;
    clearTimeout(this.#echo);
    this.#echo = undefined;
  }

  /** Where one's own notifications do not arrive, nobody's do. */
  #expectEcho(): void {
    if (this.#closed || this.#echo) return;
    this.#echo = setTimeout(() => {
      this.#echo = undefined;
      this.#isDeafFor(undefined);
    }, ECHO_MS).unref();
  }

  /** A connection that has fallen silent is replaced at once. Where listening does not work, it is tried again from time to time. */
  #isDeafFor(cause: unknown): void {
    const isNew = this.#works.listening;
    this.#fails('listening', new NotListeningError(cause));
    if (this.#closed || this.#retry) return;
    if (isNew && this.#isListening) {
      this.#listenAnew();
      return;
    }
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      if (!this.#works.listening) this.#listenAnew();
    }, RETRY_MS).unref();
  }

  #listenAnew(): void {
    void this.#ear?.end({ timeout: 0 }).catch(() => undefined);
    this.#isListening = false;
    this.#nextEcho = Number.POSITIVE_INFINITY;
    this.#listen();
  }

  #fails(what: 'sending' | 'listening', error: unknown): void {
    if (this.#works[what] && !this.#closed) this.#options.onError(error);
    this.#works[what] = false;
  }

  #connect(): postgres.Sql {
    // Connections of its own: LISTEN keeps one for good, and Drizzle changes the clients that it is given.
    const { url, login } = this.#options;
    return connect({ url, login, applicationName: 'afterwrite wake-up' }, { max: 1 });
  }
}
