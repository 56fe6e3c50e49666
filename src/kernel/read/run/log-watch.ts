import type { RecordedEvent } from '../../define/event.ts';
import type { CommitFeed } from '../../log/commit-feed.ts';
import type { LogHead } from '../../log/log-head.ts';
import { checkpointsAhead, type LogEnd, LogHistory, lostEvents } from '../../log/log-history.ts';
import type { LogReader } from '../../log/log-reader.ts';

export interface LogWatchParts {
  readonly log: LogReader;
  readonly head: LogHead;
  /** Cleared if the log has lost events. So are the pages that `log` keeps. */
  readonly feed: CommitFeed;
  /** Called with the reason if the log has lost events, and with `undefined` when it is complete again. */
  readonly onLost: (reason: string | undefined) => void;
}

/** Finds the end of the log, and checks if it still contains the events that it contained before. */
export class LogWatch {
  readonly #parts: LogWatchParts;
  readonly #history = new LogHistory();
  #hasLost = false;
  /** Number of connections that have ended. A result from before may be from another server. */
  #invalidations = 0;

  constructor(parts: LogWatchParts) {
    this.#parts = parts;
  }

  /** Records that this instance has committed events up to a position. */
  committed(position: number, last: RecordedEvent | undefined): void {
    if (last && !this.#hasLost) this.#history.saw(position, last.eventId);
    this.#parts.head.advance(position, last?.recordedAt);
  }

  /** A connection has ended: another server may answer from now on. */
  invalidate(): void {
    this.#invalidations++;
  }

  /** Moves the head to the end of the log. */
  async refreshHead(): Promise<void> {
    const { log, head } = this.#parts;
    // Taken before the query, because what we learn meanwhile may be newer than its result.
    const before = this.#history.newest;
    const invalidations = this.#invalidations;
    const seen = await log.readEnd(before?.position ?? 0);
    if (!seen.isStandby) {
      const isLost = before !== undefined && seen.knownId !== before.eventId;
      const kept = isLost ? this.#history.lastIn(await log.idsAt(this.#history.positions)) : 0;
      const ahead = seen.checkpoint > seen.position ? await log.checkpointsAfter(seen.position) : [];
      if (isLost) this.#lose(lostEvents(kept, before.position, seen.position), seen);
      else if (ahead.length > 0) this.#lose(checkpointsAhead(seen.position, ahead), seen);
      else this.#findAll(seen, invalidations);
    }
    head.advance(seen.position, seen.recordedAt);
  }

  /** The log lacks events that were committed. The others can be read, but nothing may be appended. */
  #lose(reason: string, { position, recordedAt }: LogEnd): void {
    const { log, feed, head, onLost } = this.#parts;
    this.#hasLost = true;
    feed.clear();
    log.forget();
    head.retreat(position, recordedAt);
    onLost(reason);
  }

  #findAll({ position, eventId }: LogEnd, invalidations: number): void {
    if (eventId && invalidations === this.#invalidations) this.#history.saw(position, eventId);
    if (!this.#hasLost) return;
    this.#hasLost = false;
    this.#parts.onLost(undefined);
  }
}
