import { randomUUID } from 'node:crypto';
import type { Database } from '../../../database/client.ts';
import { backoffMs } from '../../../scheduling/backoff.ts';
import { pause } from '../../../scheduling/sleeper.ts';
import type { EngineObserver } from '../../observe/occurrences.ts';
import { headLine } from '../../proof/signed-head.ts';
import { headsAfter, SignerLease, type SignerState } from './head-store.ts';
import { type SigningKey, signNextHead } from './next-head.ts';
import type { HeadWitness } from './witness.ts';

export interface HeadSignerParts {
  /** Connections of the projector's role. */
  readonly db: Database;
  readonly key: SigningKey;
  /** Time between two heads while there are new events, in ms. */
  readonly intervalMs: number;
  readonly witness: HeadWitness | undefined;
  /** The time of Postgres, in ms since 1970. */
  readonly now: () => number;
  /** Told of failures, after which it is tried again. A `LogFault` means that the log was altered. */
  readonly observer: EngineObserver;
}

/** Heads that are read together for the witness. */
const PAGE = 100;
/** The pauses after failures. */
const AGAIN = { firstMs: 1000, maxMs: 60_000, jitter: 0.2 };
/** How long the last head may take at the end, in ms. */
const LAST_HEAD_MS = 5000;
/** How long a witness may take for one head, in ms. */
const WITNESS_MS = 10_000;

/**
 * Signs heads at intervals, and one at a clean stop, and gives them to the witness. One instance does so at a time. It works beside
 * the log: whatever fails here holds up no append.
 */
export class HeadSigner {
  readonly #parts: HeadSignerParts;
  readonly #lease: SignerLease;
  readonly #stopping = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #failures = 0;

  constructor(parts: HeadSignerParts) {
    this.#parts = parts;
    this.#lease = new SignerLease(parts.db, randomUUID());
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Signs what is new and hands it to the witness, for at most a few seconds. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    await this.#turn(AbortSignal.timeout(LAST_HEAD_MS));
    await this.#lease
      .release()
      .catch((error) => this.#parts.observer.tell('faultMet', { error, context: { part: 'audit' } }));
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const isDone = await this.#turn(signal);
      const { intervalMs } = this.#parts;
      await pause(isDone ? intervalMs : Math.min(intervalMs, backoffMs(this.#failures, AGAIN)), signal);
    }
  }

  /** @returns false if something failed. */
  async #turn(signal: AbortSignal): Promise<boolean> {
    try {
      const state = await this.#lease.take();
      if (!state) return true;
      // A witness that does not answer does not keep new heads from being signed.
      await this.#sign(signal);
      await this.#inform(state, signal);
      this.#failures = 0;
      return true;
    } catch (error) {
      this.#failures++;
      if (!signal.aborted) this.#parts.observer.tell('faultMet', { error, context: { part: 'audit' } });
      return false;
    }
  }

  async #sign(signal: AbortSignal): Promise<void> {
    const { db, key, now } = this.#parts;
    for (let hasMore = true; hasMore; ) {
      const next = await signNextHead(db, key, new Date(now()), signal);
      if (!next || !(await this.#lease.store(next.position, next.signed, next.peaks, next.before))) return;
      ({ hasMore } = next);
    }
  }

  async #inform(state: SignerState, signal: AbortSignal): Promise<void> {
    const { db, witness } = this.#parts;
    if (!witness) return;
    let after = state.witness === witness.id ? state.witnessed : 0;
    for (let heads = await headsAfter(db, after, PAGE); heads.length > 0; heads = await headsAfter(db, after, PAGE)) {
      for (const { position, signed } of heads) {
        await witness.take(
          { line: headLine(signed), position },
          AbortSignal.any([signal, AbortSignal.timeout(WITNESS_MS)]),
        );
        await this.#lease.noteWitnessed(witness.id, position);
        after = position;
      }
      await this.#lease.take();
    }
  }
}
