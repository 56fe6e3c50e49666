import { every, type Timer } from '../../scheduling/timers.ts';
import { type ObservedStatement, observed } from '../driver/observed-statements.ts';
import type { Guard } from '../driver/statement.ts';
import { Roster, type RosterMember } from '../roster.ts';
import type { AnswerTracker, SentStatement } from './answer-tracker.ts';
import { linkError, READ_ONLY, SILENT } from './errors.ts';
import type { Link, Links } from './link.ts';

/** The state of a backend as seen from another connection: `unknown` if that one does not answer either. */
export type BackendState = 'working' | 'idle' | 'unknown';

export interface AnswerWatchOptions {
  readonly links: Links;
  readonly answers: AnswerTracker;
  /** Silence, in ms, after which another connection checks whether Postgres is still working. */
  readonly probeAfterMs: number;
  /** Longest time of a statement, in ms; undefined: as long as Postgres is working on it. */
  readonly answerWithinMs: number | undefined;
  /** Whether a session must be able to write. */
  readonly writes: boolean;
  /** Checks on another connection what a backend is doing. Never throws, and ends in bounded time. */
  readonly probe: (pid: number, link: Link) => Promise<BackendState>;
}

/** A statement that is not answered yet. */
interface UnansweredStatement extends RosterMember {
  readonly statement: ObservedStatement;
  readonly asked: SentStatement;
  /** Since when its connection has been working on it; undefined if it has not begun. */
  since: number | undefined;
}

interface Quiet {
  received: number;
  sent: number;
  queued: number;
  since: number;
  isProbing: boolean;
  /** Checks in a row without a result. */
  unknown: number;
}

const LONGEST_TICK_MS = 1000;
/** After this many checks without a result, the connection is given up: Postgres may only be busy. */
const MAX_UNKNOWN = 3;

/**
 * Gives up connections that do not answer. A broken network path is invisible to both ends: TCP waits for a quarter of
 * an hour, or forever if something on the way still acknowledges. If nothing has arrived for a while although something
 * was asked, another connection checks whether the backend is still working. If it is not, the answer is lost, and the
 * connection is closed: statements on it fail as with a lost connection, and waiting ones go to a new connection.
 *
 * A connection that turns out to lead to a read-only server is closed too.
 */
export class AnswerWatch {
  readonly #options: AnswerWatchOptions;
  readonly #watched = new Roster<UnansweredStatement>();
  readonly #quiet = new Map<Link, Quiet>();
  #timer: Timer | undefined;

  constructor(options: AnswerWatchOptions) {
    this.#options = options;
  }

  /** Watches the statements that are sent. */
  readonly guard: Guard = observed((statement) => {
    const { answers } = this.#options;
    let watched: UnansweredStatement | undefined;
    return {
      sent: () => {
        watched ??= this.#watch(statement);
        this.#timer ??= every(this.#tickMs, () => this.#check());
      },
      answered: () => {
        // The driver also resolves statements that it has rejected with a lost connection.
        if (watched && this.#watched.remove(watched)) answers.answered(watched.asked);
      },
      failed: (error) => {
        if (watched) this.#watched.remove(watched);
        this.#failed(statement, watched?.asked, error);
      },
    };
  });

  #watch(statement: ObservedStatement): UnansweredStatement {
    const asked = this.#options.answers.asks();
    const watched: UnansweredStatement = { place: -1, statement, asked, since: undefined };
    this.#watched.add(watched);
    return watched;
  }

  get #tickMs(): number {
    const { probeAfterMs, answerWithinMs = LONGEST_TICK_MS } = this.#options;
    return Math.max(10, Math.min(LONGEST_TICK_MS, probeAfterMs / 4, answerWithinMs / 4));
  }

  #failed(statement: ObservedStatement, asked: SentStatement | undefined, error: unknown): void {
    const { answers, writes } = this.#options;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    // Postgres' codes have five characters. A statement that was not sent was not answered.
    if (asked && code.length === 5 && statement.backend) answers.answered(asked);
    else if (asked && (code === 'CONNECTION_ENDED' || code === '57014')) answers.forgotten(asked);
    else answers.failed(asked);
    if (code !== READ_ONLY || !writes) return;
    this.#linkOf(statement)?.destroy(
      linkError(READ_ONLY, 'the connection led to a server that only reads, and was closed'),
    );
  }

  #linkOf({ backend }: ObservedStatement): Link | undefined {
    return backend && this.#options.links.get(`${backend.pid}:${backend.secret}`);
  }

  #check(): void {
    if (this.#watched.size === 0) {
      this.#timer?.cancel();
      this.#timer = undefined;
      this.#quiet.clear();
      return;
    }
    const now = performance.now();
    const { answerWithinMs = Number.POSITIVE_INFINITY } = this.#options;
    const seen = new Set<Link>();
    for (const watched of this.#watched.all()) {
      const { statement, since } = watched;
      if (!statement.isActive) continue;
      if (since === undefined) watched.since = now;
      const link = this.#linkOf(statement);
      if (!link || seen.has(link)) continue;
      seen.add(link);
      if (now - (since ?? now) >= answerWithinMs) this.#giveUp(link, now - (since ?? now));
      else this.#examine(link, Number(statement.backend?.pid), now);
    }
    for (const link of this.#quiet.keys()) if (!seen.has(link)) this.#quiet.delete(link);
  }

  #examine(link: Link, pid: number, now: number): void {
    const { received, sent, queued } = link.traffic;
    const quiet = this.#quiet.get(link);
    // Sending proves nothing, unless earlier bytes had to wait until the other side took them.
    if (!quiet || received !== quiet.received || (quiet.queued > 0 && sent !== quiet.sent)) {
      this.#quiet.set(link, { received, sent, queued, since: now, isProbing: false, unknown: 0 });
      return;
    }
    Object.assign(quiet, { sent, queued });
    if (quiet.isProbing || now - quiet.since < this.#options.probeAfterMs) return;
    quiet.isProbing = true;
    void this.#judge(link, pid, quiet);
  }

  async #judge(link: Link, pid: number, quiet: Quiet): Promise<void> {
    const state = await this.#options.probe(pid, link);
    quiet.isProbing = false;
    // It has answered in the meantime, or is gone.
    if (this.#quiet.get(link) !== quiet || link.traffic.received !== quiet.received) return;
    const now = performance.now();
    if (state === 'working') {
      this.#options.answers.alive();
      Object.assign(quiet, { since: now, unknown: 0 });
      return;
    }
    quiet.unknown++;
    if (state === 'idle' || quiet.unknown >= MAX_UNKNOWN) this.#giveUp(link, now - quiet.since);
  }

  #giveUp(link: Link, ms: number): void {
    this.#quiet.delete(link);
    link.destroy(linkError(SILENT, `Postgres has not answered for ${Math.round(ms)} ms: the connection was given up`));
  }
}
