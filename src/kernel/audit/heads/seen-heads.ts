import type { Database } from '../../../database/client.ts';
import { LogFault } from '../../proof/log-fault.ts';
import { readHead } from '../../proof/signed-head.ts';
import { readEnd, readOrigin } from '../chain-origin.ts';
import { lastHead } from './head-store.ts';

/**
 * What this instance remembers of `es.heads`. The owner of the database can remove heads there, and would have the next one signed
 * for a history of their own; they cannot change what is in the memory of a server.
 */
export class SeenHeads {
  readonly #db: Database;
  readonly #now: () => number;
  readonly #mostIdleMs: number;
  #last: { readonly position: number; readonly text: string; readonly signedAt: number | undefined } | undefined;
  /** When a head was new, or there was nothing to sign. */
  #idleSince: number;

  /**
   * @param now the time in ms.
   * @param mostIdleMs how long a log may have grown without a head until that is a fault.
   */
  constructor(db: Database, now: () => number, mostIdleMs: number) {
    this.#db = db;
    this.#now = now;
    this.#mostIdleMs = mostIdleMs;
    this.#idleSince = now();
  }

  /** The position of the last one; 0 if there was none. */
  get position(): number {
    return this.#last?.position ?? 0;
  }

  /** When it was signed, in ms since 1970. */
  get signedAt(): number | undefined {
    return this.#last?.signedAt;
  }

  /** Remembers the last head. @throws {LogFault} if the last one that was seen is not there any more. */
  async look(): Promise<void> {
    const [seen, last] = [this.#last, await lastHead(this.#db)];
    if (seen) {
      const stored = last?.position === seen.position ? last : await lastHead(this.#db, seen.position);
      if (stored?.signed.text !== seen.text) throw removed(seen.position, stored?.position);
    }
    if (last && last.position !== seen?.position) this.note(last.position, last.signed.text);
  }

  /** @throws {LogFault} if the head that the next one would follow is before the last one. */
  refuseBefore(before: number): void {
    if (before < this.position) throw removed(this.position, before);
  }

  /** Remembers a head that was stored. */
  note(position: number, text: string): void {
    this.#last = { position, text, signedAt: readHead(text)?.signedAt.getTime() };
    this.#idleSince = this.#now();
  }

  /**
   * For an instance that may not sign: whether the one that may does so.
   * @throws {Error} if the log has grown, and there was no new head for too long.
   */
  async watch(): Promise<void> {
    const now = this.#now();
    const [end, { completedAt }] = [await readEnd(this.#db), await readOrigin(this.#db)];
    if (!completedAt || end <= this.position) {
      this.#idleSince = now;
      return;
    }
    const idleMs = now - this.#idleSince;
    if (idleMs <= this.#mostIdleMs) return;
    throw new Error(
      `The log ends at ${end}, and its last head is of position ${this.position}: none was signed for ${Math.round(idleMs / 1000)} s. ` +
        'es.signer says that another server signs. See whether that server exists, and what it reports.',
    );
  }
}

function removed(position: number, before = 0): LogFault {
  return new LogFault(
    `the head of position ${position} is not in es.heads any more as this server has seen it: heads were removed or altered. Nothing ` +
      'is signed until the server is started again. After a restore from a backup, start all servers again',
    Math.min(before + 1, position),
    position,
  );
}
