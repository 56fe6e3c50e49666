import { randomUUID } from 'node:crypto';
import type { Database } from '../../../database/client.ts';
import { backoffMs } from '../../../scheduling/backoff.ts';
import { pause } from '../../../scheduling/sleeper.ts';
import type { EngineObserver } from '../../observe/occurrences.ts';
import { LogFault } from '../../proof/log-fault.ts';
import { headLine } from '../../proof/signed-head.ts';
import { countHeadsAfter, headsAfter, readSignerState, SignerLease, type SignerState } from './head-store.ts';
import { type SigningKey, signNextHead } from './next-head.ts';
import { SeenHeads } from './seen-heads.ts';
import type { SigningStatus } from './signing-status.ts';
import type { HeadWitness } from './witness.ts';
import { WitnessProgress } from './witness-progress.ts';

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
/** For how many turns a log may grow without a head until the instances that do not sign report it. */
const MOST_IDLE_TURNS = 5;
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
  readonly #seen: SeenHeads;
  readonly #progress: WitnessProgress | undefined;
  #loop: Promise<void> = Promise.resolve();
  #failures = 0;
  #failure: SigningStatus['failure'];
  #unwitnessed = 0;

  constructor(parts: HeadSignerParts) {
    const { db, key, witness, intervalMs, now } = parts;
    this.#parts = parts;
    this.#progress = witness && new WitnessProgress(db, key, witness);
    this.#lease = new SignerLease(db, randomUUID(), intervalMs);
    this.#seen = new SeenHeads(db, now, MOST_IDLE_TURNS * (intervalMs + AGAIN.maxMs));
  }

  /** How far this instance knows the proof to be, as of its last turn. */
  get status(): SigningStatus {
    const { position, signedAt } = this.#seen;
    const unwitnessed = this.#parts.witness && this.#unwitnessed;
    return { position, signedAt, unwitnessed, failure: this.#failure };
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Signs what is new and hands it to the witness, for at most a few seconds. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    const signal = AbortSignal.timeout(LAST_HEAD_MS);
    while ((await this.#turn(signal)) === 'more');
    await this.#lease
      .release()
      .catch((error) => this.#parts.observer.tell('faultMet', { error, context: { part: 'audit' } }));
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const turn = await this.#turn(signal);
      const { intervalMs } = this.#parts;
      if (turn === 'done') await pause(intervalMs, signal);
      if (turn === 'failed') await pause(Math.min(intervalMs, backoffMs(this.#failures, AGAIN)), signal);
    }
  }

  /** @returns `more` if the witness lacks further heads. */
  async #turn(signal: AbortSignal): Promise<'done' | 'more' | 'failed'> {
    try {
      await this.#seen.look();
      const state = await this.#lease.take();
      if (!state) await this.#seen.watch();
      // A witness that does not answer does not keep new heads from being signed.
      if (state) await this.#sign(signal);
      const hasMore = state !== undefined && (await this.#inform(state, signal));
      await this.#count();
      this.#failures = 0;
      this.#failure = undefined;
      return hasMore && !signal.aborted ? 'more' : 'done';
    } catch (error) {
      this.#failures++;
      this.#failure = { at: this.#parts.now(), message: error instanceof Error ? error.message : String(error) };
      // The numbers should be right above all if something is wrong. If the database is away, they stay.
      await this.#count().catch(() => undefined);
      if (!signal.aborted) this.#parts.observer.tell('faultMet', { error, context: { part: 'audit' } });
      return 'failed';
    }
  }

  async #sign(signal: AbortSignal): Promise<void> {
    const { db, key, now } = this.#parts;
    for (let hasMore = true; hasMore; ) {
      const next = await signNextHead(db, key, new Date(now()), signal, () => this.#lease.renew());
      if (!next) return;
      const { position, signed, before } = next;
      this.#seen.refuseBefore(before);
      if (!(await this.#lease.store(position, signed, next.peaks, before))) {
        throw new Error(
          `The head of position ${position} was not stored: another server has taken the right to sign, or has stored a head after ${before}.`,
        );
      }
      this.#seen.note(position, signed.text);
      ({ hasMore } = next);
    }
  }

  /**
   * Gives the witness what it lacks, for at most one page and the time of an interval: then new heads are signed first.
   * @returns true if it lacks more.
   */
  async #inform(state: SignerState, signal: AbortSignal): Promise<boolean> {
    const { db, witness, intervalMs } = this.#parts;
    const progress = this.#progress;
    if (!witness || !progress) return false;
    const end = performance.now() + intervalMs;
    const heads = await headsAfter(db, await this.#givenUntil(witness, progress, state), PAGE);
    for (const head of heads) {
      await witness.take(
        { line: headLine(head.signed), position: head.position },
        AbortSignal.any([signal, AbortSignal.timeout(WITNESS_MS)]),
      );
      // Another instance gives it the rest.
      if (!(await this.#lease.noteWitnessed(witness.id, progress.note(head)))) return false;
      if (performance.now() > end) return true;
    }
    return heads.length === PAGE;
  }

  /** Up to where the witness needs no heads. What the database says wrongly of that is reported and set right. */
  async #givenUntil({ id }: HeadWitness, progress: WitnessProgress, state: SignerState): Promise<number> {
    const isSigned = await progress.compare(state);
    await progress.ask();
    const witnessed = await progress.witnessed();
    const isBeyond = state.witness === id && state.witnessed > this.#seen.position;
    if (isBeyond || !isSigned) {
      const reason = `es.signer says that the witness has a head of position ${state.witnessed}, and no server has signed that`;
      const error = new LogFault(`${reason}: es.signer or es.heads was altered`, this.#seen.position + 1);
      this.#parts.observer.tell('faultMet', { error, context: { part: 'audit' } });
    }
    const isNoted = state.witness === id && state.receipt === witnessed.receipt;
    if (isBeyond || !isSigned || (witnessed.receipt !== null && !isNoted)) {
      await this.#lease.noteWitnessed(id, witnessed);
    }
    return witnessed.position;
  }

  async #count(): Promise<void> {
    const progress = this.#progress;
    if (!progress) return;
    const { db } = this.#parts;
    await progress.compare(await readSignerState(db));
    this.#unwitnessed = await countHeadsAfter(db, (await progress.witnessed()).position);
  }
}
