import { GraphQLError, type GraphQLResolveInfo } from 'graphql';
import { approximateBytes } from '../../kernel/bytes.ts';
import type { RowValues } from '../../kernel/read/fold/working-rows.ts';
import { Turns } from '../../scheduling/turns.ts';
import { Pace, type Paced } from './pace.ts';
import { lengthOf, type Path, pathOf } from './path.ts';
import type { AnswerShares } from './shares.ts';

export interface AnswerLimits {
  /** Bytes of the answer of an operation, or of one message of a subscription. */
  readonly answerBytes: number;
  /** Bytes of the rows that are read for it. */
  readonly readBytes: number;
}

/**
 * Minimum cost of a field, in bytes: an object holds its value, and the answer contains its name. This also limits the
 * number of values.
 */
export const FIELD_BYTES = 128;
/** Bytes that an element of a list takes besides its value. */
const ELEMENT_BYTES = 16;
/** Bytes that an error takes with its message, besides its path. */
const ERROR_BYTES = 500;
/** Longest part of an error's message that another error quotes. */
const MAX_REASON = 200;
/** Fields of one operation that may fail. */
const MAX_FAILURES = 100;
/**
 * Bytes that an operation takes from its caller's share at a time. The first step is not counted: most operations need
 * no more.
 */
const STEP_BYTES = 256 * 1024;
/**
 * Bytes that count for each millisecond that a statement takes Postgres beyond the first ones: ten count as 16 kB do. Nearly
 * all statements need less than what is free, also on a busy machine.
 */
const BYTES_PER_MS = 1639;
const FREE_MS = 100;
/** Most that one statement counts, in ms beyond the free ones: whatever made it that slow, it was not its caller alone. */
const MAX_WORK_MS = 5000;
/** Time after which a caller whose share is used up may ask again, in ms. */
const RETRY_AFTER_MS = 1000;

/**
 * What one operation may still spend. It is charged while rows are read and values are resolved, so that an answer that
 * would be too large ends before it uses the memory. Once the budget is exhausted, every further field throws the same
 * error.
 */
export class AnswerBudget {
  readonly #limits: AnswerLimits;
  readonly #shares: AnswerShares | undefined;
  readonly #caller: string;
  readonly #turns: Turns | undefined;
  /** Bytes that may still be spent: the first step, and what was taken from the shares. */
  #room = STEP_BYTES;
  /** Bytes of a message that was made for several, and waits for this one's reader. */
  #held = 0;
  #isEnded = false;
  #answerBytes = 0;
  #readBytes = 0;
  /** Rows that were read, time of statements, events that were appended, and answers before the last {@link reset}. */
  #chargedBytes = 0;
  #failures = 0;
  #exhausted: GraphQLError | undefined;
  #late: ((bytes: number) => void) | undefined;
  #pace: Pace | undefined;

  /**
   * @param shares from which a large answer takes what it needs, for its caller. Without shares, only the limits of one
   * operation apply.
   * @param turns that a large answer takes on the event loop. By default it has turns of its own.
   */
  constructor(limits: AnswerLimits, shares?: AnswerShares, caller = '', turns?: Turns) {
    this.#limits = limits;
    this.#shares = shares;
    this.#caller = caller;
    this.#turns = turns;
  }

  /** Bytes of the answer so far. */
  get answerBytes(): number {
    return this.#answerBytes;
  }

  /** All bytes that were charged: answered, read and appended, and for the time of statements, including those of executions that ended early. */
  get chargedBytes(): number {
    return this.#chargedBytes + this.#answerBytes;
  }

  /** Why the operation was ended; undefined if it was not. */
  get exhausted(): GraphQLError | undefined {
    return this.#exhausted;
  }

  /** Starts again, for the next message of a subscription or a repeated execution. */
  reset(): void {
    this.#chargedBytes += this.#answerBytes;
    this.#answerBytes = 0;
    this.#readBytes = 0;
    this.#failures = 0;
    this.#exhausted = undefined;
    this.#pace = undefined;
    this.#shrink();
    this.letGo();
  }

  /** The operation has been executed: its rows are released, its answer is held until it is sent. */
  executed(): void {
    this.#readBytes = 0;
    this.#shrink();
  }

  /** The answer was sent, or nobody waits for it. May be called more than once. */
  end(): void {
    this.reset();
    this.#isEnded = true;
  }

  /**
   * Takes all bytes of a message from the caller's share, until {@link letGo} or {@link reset}. The message was made with
   * another budget, and is not charged again.
   * @returns why there is no room; undefined if they were taken.
   */
  hold(bytes: number): string | undefined {
    const reason = this.#isEnded ? undefined : this.#shares?.take(this.#caller, bytes);
    if (!this.#isEnded && !reason) this.#held += bytes;
    return reason;
  }

  /** The same for a message that is there in any case, and that nobody else holds any more. */
  inherit(bytes: number): void {
    if (this.#isEnded) return;
    this.#shares?.add(this.#caller, bytes);
    this.#held += bytes;
  }

  /** Gives back what {@link hold} has taken. It may be called more than once. */
  letGo(): void {
    if (this.#held > 0) this.#shares?.give(this.#caller, this.#held);
    this.#held = 0;
  }

  /** Charges bytes of the answer. @throws {GraphQLError} if the budget is exhausted. */
  spend(bytes: number, path: Path): void {
    if (!this.take(bytes)) this.refuse(path);
  }

  /**
   * Charges bytes of the answer, for callers that know their place only if it is needed.
   * @returns false if the budget is exhausted. The caller must then {@link refuse} the place.
   */
  take(bytes: number): boolean {
    if (this.#exhausted) return false;
    this.#answerBytes += bytes;
    if (this.#answerBytes > this.#limits.answerBytes) return false;
    return this.#answerBytes + this.#readBytes <= this.#room || this.#makeRoom();
  }

  /** Charges bytes of the answer, if there is room without taking more of the shares. @returns false if nothing was charged. */
  takeIfFree(bytes: number): boolean {
    const answerBytes = this.#answerBytes + bytes;
    if (this.#exhausted || answerBytes > this.#limits.answerBytes) return false;
    if (answerBytes + this.#readBytes > this.#room) return false;
    this.#answerBytes = answerBytes;
    return true;
  }

  /** @throws {GraphQLError} always: the reason why the budget is exhausted, at this place if nothing was refused before. */
  refuse(path: Path): never {
    if (this.#exhausted) throw this.#exhausted;
    const { answerBytes: limit } = this.#limits;
    const place = pathOf(path);
    const advice = 'Ask for smaller pages, for fewer fields, or for less at a time.';
    const counted = `counting at least ${FIELD_BYTES} for each value`;
    throw this.#exhaust(
      `The answer would take more than ${limit} bytes, ${counted}: it has them at ${place}. ${advice}`,
      { limit },
    );
  }

  /** Charges rows that were read. @throws {GraphQLError} if the budget is exhausted. */
  read(rows: readonly RowValues[], readModel: string): void {
    if (this.#exhausted) throw this.#exhausted;
    const bytes = rows.reduce((sum, row) => sum + approximateBytes(row), 0);
    this.#readBytes += bytes;
    this.#chargedBytes += bytes;
    const { readBytes: limit } = this.#limits;
    if (this.#readBytes <= limit) {
      if (this.#answerBytes + this.#readBytes > this.#room && !this.#makeRoom()) throw this.#exhausted;
      return;
    }
    const message = `The operation reads more than ${limit} bytes of rows, which it reached in ${readModel}.`;
    throw this.#exhaust(`${message} Ask for smaller pages or for fewer lists.`, { limit });
  }

  /** Records bytes of events that were appended. They have limits of their own, but count as charged. */
  appended(bytes: number): void {
    this.#chargedBytes += bytes;
  }

  /** Records how long Postgres has worked on a statement, in ms. It counts as bytes that were charged do. */
  worked(ms: number): void {
    const bytes = Math.round(Math.min(Math.max(0, ms - FREE_MS), MAX_WORK_MS) * BYTES_PER_MS);
    if (this.#late) this.#late(bytes);
    else this.#chargedBytes += bytes;
  }

  /** Told of the bytes for statements that end from now on: those of a cancelled operation end after its answer. */
  chargeLater(late: (bytes: number) => void): void {
    this.#late = late;
  }

  /** The charged rows are no longer held. */
  released(): void {
    this.#readBytes = 0;
  }

  /** Charges the elements of a list without their values. @throws {GraphQLError} if the budget is exhausted. */
  list(length: number, path: Path): void {
    this.spend(ELEMENT_BYTES * length, path);
  }

  /** Charges the elements of a list. @returns them, or a promise of them: see {@link Pace}. */
  elements<T>(
    list: readonly T[],
    info: Pick<GraphQLResolveInfo, 'path' | 'fieldNodes' | 'fragments'>,
  ): Paced<T> | Promise<Paced<T>> {
    this.list(list.length, info.path);
    const turns = this.#turns ?? new Turns();
    this.#pace ??= new Pace({
      check: () => this.spend(0, info.path),
      turn: () => turns.take(this.#caller),
    });
    return this.#pace.elements(list, info);
  }

  /** Charges a field that failed, with the path and message of its error. @returns the error to throw. */
  failed(error: unknown, path: Path): unknown {
    if (this.#exhausted) return this.#exhausted;
    const message = error instanceof Error ? error.message.slice(0, MAX_REASON) : '';
    if (++this.#failures > MAX_FAILURES) {
      const reason = message ? ` One of them: ${message}` : '';
      return this.#exhaust(`More than ${MAX_FAILURES} fields of the operation failed.${reason}`, {
        limit: MAX_FAILURES,
      });
    }
    try {
      this.spend(ERROR_BYTES + lengthOf(path), path);
      return error;
    } catch (exhausted) {
      return exhausted;
    }
  }

  /** Takes more of the shares. @returns false if there is no room: the budget is then exhausted, with THROTTLED. */
  #makeRoom(): boolean {
    const needed = stepsOf(this.#answerBytes + this.#readBytes);
    const reason = this.#isEnded ? undefined : this.#shares?.take(this.#caller, needed - this.#room);
    if (reason) {
      const facts = { code: 'THROTTLED', retryAfterMs: RETRY_AFTER_MS };
      this.#exhaust(`${reason} Read those first, or ask for less at a time.`, facts);
      return false;
    }
    if (!this.#isEnded) this.#room = needed;
    return true;
  }

  /** Gives back what is no longer needed. */
  #shrink(): void {
    const needed = stepsOf(this.#answerBytes + this.#readBytes);
    if (needed >= this.#room) return;
    this.#shares?.give(this.#caller, this.#room - needed);
    this.#room = needed;
  }

  #exhaust(message: string, facts: Readonly<Record<string, unknown>>): GraphQLError {
    // An error that has a path is not located again. Locating takes time for each remaining field.
    this.#exhausted = new GraphQLError(message, { path: [], extensions: { code: 'BAD_USER_INPUT', ...facts } });
    return this.#exhausted;
  }
}

/** Bytes rounded up to whole steps, at least one. */
function stepsOf(bytes: number): number {
  return STEP_BYTES * Math.max(1, Math.ceil(bytes / STEP_BYTES));
}
