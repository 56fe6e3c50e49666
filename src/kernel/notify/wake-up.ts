import postgres from 'postgres';

const CHANNEL = 'afterwrite_appended';
/** Between two notifications, in ms: however many appends, few wake-ups. */
const INTERVAL_MS = 10;

export interface WakeUpOptions {
  readonly url: string;
  /** Somebody may have appended: look. Also called whenever listening begins or begins again, for what was missed. */
  readonly onWake: () => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Tells other processes on the database that there are new events, and is told. It is a shortcut, never the way: a lost
 * notification, or a pooler on which LISTEN does not work, costs the time until the next look.
 *
 * Outside the append's transaction, since a NOTIFY in it would take a lock of the whole cluster with every commit.
 */
export class WakeUp {
  readonly #sql: postgres.Sql;
  readonly #options: WakeUpOptions;
  readonly #self = Math.random().toString(36).slice(2);
  #listening: Promise<unknown> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sending = false;
  /** There was an append after the notification that is being sent. */
  #again = false;
  #closed = false;

  constructor(options: WakeUpOptions) {
    this.#options = options;
    // A connection of its own: LISTEN keeps one for good, and Drizzle changes the clients that it is given.
    this.#sql = postgres(options.url, {
      max: 1,
      fetch_types: false,
      connection: { application_name: 'afterwrite wake-up' },
      onnotice: () => {},
    });
  }

  start(): void {
    if (this.#closed) return;
    const { onWake, onError } = this.#options;
    this.#listening = this.#sql
      .listen(
        CHANNEL,
        (sender) => {
          if (sender !== this.#self) onWake();
        },
        onWake,
      )
      .catch((error) => {
        if (!this.#closed) onError(error);
      });
  }

  /** Tells the others, soon and at most once in a while. */
  notify(): void {
    if (this.#timer || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#send();
    }, INTERVAL_MS);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#sql.end({ timeout: 1 });
    await this.#listening;
  }

  #send(): void {
    if (this.#closed) return;
    this.#again = this.#sending;
    if (this.#sending) return;
    this.#sending = true;
    this.#sql
      .notify(CHANNEL, this.#self)
      .catch((error) => {
        if (!this.#closed) this.#options.onError(error);
      })
      .finally(() => {
        this.#sending = false;
        if (this.#again) this.#send();
      });
  }
}
