import type { Guard, Statement } from '../driver/statement.ts';
import type { Answers } from './answers.ts';
import { linkError, READ_ONLY, SILENT } from './errors.ts';
import type { Link, Links } from './link.ts';

/** What a backend does, as another connection sees it: `unknown` if that one does not answer either. */
export type Sight = 'working' | 'idle' | 'unknown';

export interface AnswerWatchOptions {
  readonly links: Links;
  readonly answers: Answers;
  /** Silence, in ms, after which it is looked whether Postgres is still at work. */
  readonly lookAfterMs: number;
  /** The longest that a statement may take at all, in ms; undefined: as long as Postgres is at work on it. */
  readonly answerWithinMs: number | undefined;
  /** Whether a session that only reads is of no use. */
  readonly writes: boolean;
  /** Looks by another connection what a backend does. Never throws, and ends in bounded time. */
  readonly look: (pid: number, link: Link) => Promise<Sight>;
}

interface Quiet {
  received: number;
  sent: number;
  queued: number;
  since: number;
  isLooking: boolean;
  /** Looks in a row that showed nothing. */
  blind: number;
}

const LONGEST_TICK_MS = 1000;
/** Looks that show nothing are made so often: Postgres may only be busy. */
const BLIND_LOOKS = 3;

/**
 * Gives up connections that do not answer. A broken path is invisible to both ends: TCP goes on for a quarter of an hour, and for
 * ever if something on the way still acknowledges. If nothing has arrived for a while although something was asked, another
 * connection looks whether the backend is still at work. If it is not, the answer is lost, and the connection is closed: what was
 * asked on it fails as with a lost connection, what waits goes to a new one.
 *
 * A connection that turns out to be one to a server that only reads is closed too.
 */
export class AnswerWatch {
  readonly #options: AnswerWatchOptions;
  /** Since when each statement is what its connection works on. */
  readonly #asked = new Map<Statement, number | undefined>();
  readonly #quiet = new Map<Link, Quiet>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AnswerWatchOptions) {
    this.#options = options;
  }

  /** Watches what is asked. */
  readonly guard: Guard =
    (ask) =>
    (...asked) => {
      const { answers } = this.#options;
      const query = ask(...asked);
      const { handler, resolve, reject } = query;
      query.handler = (sent) => {
        this.#asked.set(query, undefined);
        answers.asks(query);
        this.#timer ??= setInterval(() => this.#look(), this.#tickMs).unref();
        return handler(sent);
      };
      query.resolve = (result) => {
        // The driver also resolves what it has rejected with a lost connection.
        if (this.#asked.delete(query)) answers.answered(query);
        resolve(result);
      };
      query.reject = (error) => {
        this.#asked.delete(query);
        this.#failed(query, error);
        reject(error);
      };
      return query;
    };

  get #tickMs(): number {
    const { lookAfterMs, answerWithinMs = LONGEST_TICK_MS } = this.#options;
    return Math.max(10, Math.min(LONGEST_TICK_MS, lookAfterMs / 4, answerWithinMs / 4));
  }

  #failed(query: Statement, error: unknown): void {
    const { answers, writes } = this.#options;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    // Postgres' codes have five characters. What was not sent was answered by nobody.
    if (code.length === 5 && query.state) answers.answered(query);
    else if (code === 'CONNECTION_ENDED' || code === '57014') answers.forgotten(query);
    else answers.failed(query);
    if (code !== READ_ONLY || !writes) return;
    this.#linkOf(query)?.destroy(
      linkError(READ_ONLY, 'the connection led to a server that only reads, and was closed'),
    );
  }

  #linkOf({ state }: Statement): Link | undefined {
    return state ? this.#options.links.get(`${state.pid}:${state.secret}`) : undefined;
  }

  #look(): void {
    if (this.#asked.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#quiet.clear();
      return;
    }
    const now = performance.now();
    const { answerWithinMs = Number.POSITIVE_INFINITY } = this.#options;
    const seen = new Set<Link>();
    for (const [query, since] of this.#asked) {
      if (!query.active) continue;
      if (since === undefined) this.#asked.set(query, now);
      const link = this.#linkOf(query);
      if (!link || seen.has(link)) continue;
      seen.add(link);
      if (now - (since ?? now) >= answerWithinMs) this.#giveUp(link, now - (since ?? now));
      else this.#lookAt(link, Number(query.state?.pid), now);
    }
    for (const link of this.#quiet.keys()) if (!seen.has(link)) this.#quiet.delete(link);
  }

  #lookAt(link: Link, pid: number, now: number): void {
    const { received, sent, queued } = link.traffic;
    const quiet = this.#quiet.get(link);
    // What is sent proves nothing, unless it had to wait for the other side to take what came before.
    if (!quiet || received !== quiet.received || (quiet.queued > 0 && sent !== quiet.sent)) {
      this.#quiet.set(link, { received, sent, queued, since: now, isLooking: false, blind: 0 });
      return;
    }
    Object.assign(quiet, { sent, queued });
    if (quiet.isLooking || now - quiet.since < this.#options.lookAfterMs) return;
    quiet.isLooking = true;
    void this.#judge(link, pid, quiet);
  }

  async #judge(link: Link, pid: number, quiet: Quiet): Promise<void> {
    const sight = await this.#options.look(pid, link);
    quiet.isLooking = false;
    // It has said something meanwhile, or is gone.
    if (this.#quiet.get(link) !== quiet || link.traffic.received !== quiet.received) return;
    const now = performance.now();
    if (sight === 'working') {
      this.#options.answers.alive();
      Object.assign(quiet, { since: now, blind: 0 });
      return;
    }
    quiet.blind++;
    if (sight === 'idle' || quiet.blind >= BLIND_LOOKS) this.#giveUp(link, now - quiet.since);
  }

  #giveUp(link: Link, ms: number): void {
    this.#quiet.delete(link);
    link.destroy(linkError(SILENT, `Postgres has not answered for ${Math.round(ms)} ms: the connection was given up`));
  }
}
