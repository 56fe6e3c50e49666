import { GraphQLError, type GraphQLResolveInfo } from 'graphql';
import { approximateBytes } from '../../kernel/bytes.ts';
import type { Row } from '../../kernel/read/fold/working-rows.ts';
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
 * What a field takes at least, in bytes: its value is held by an object, and is written into the answer with its name. So the
 * number of values is limited too.
 */
const FIELD_BYTES = 128;
/** Bytes that an element of a list takes besides its value. */
const ELEMENT_BYTES = 16;
/** Bytes that an error takes with its message, besides its path. */
const ERROR_BYTES = 500;
/** Longest text of an error that another repeats. */
const MAX_REASON = 200;
/** Fields of one operation that may fail. */
const MAX_FAILURES = 100;
/** Bytes that an operation takes of its caller's share at once. The first ones are not counted: most operations need no more. */
const STEP_BYTES = 256 * 1024;
/** When somebody whose share is used up may ask again, in ms. */
const RETRY_AFTER_MS = 1000;

/**
 * What one operation may still spend. It is charged while rows are read and values are resolved, so that an answer that would be
 * too large ends before it takes the memory. Once it is exhausted each further field throws the same error.
 */
export class AnswerBudget {
  readonly #limits: AnswerLimits;
  readonly #shares: AnswerShares | undefined;
  readonly #caller: string;
  /** Bytes for which there is room: the first ones, and what was taken of the shares. */
  #room = STEP_BYTES;
  #isEnded = false;
  #answerBytes = 0;
  #readBytes = 0;
  #failures = 0;
  #exhausted: GraphQLError | undefined;
  #pace: Pace | undefined;

  /** @param shares of which a large answer takes what it needs, on behalf of the caller; undefined counts each by itself. */
  constructor(limits: AnswerLimits, shares?: AnswerShares, caller = '') {
    this.#limits = limits;
    this.#shares = shares;
    this.#caller = caller;
  }

  /** Why the operation was ended; undefined if it was not. */
  get exhausted(): GraphQLError | undefined {
    return this.#exhausted;
  }

  /** Begins again: for the next message of a subscription, or if an operation is executed again. */
  reset(): void {
    this.#answerBytes = 0;
    this.#readBytes = 0;
    this.#failures = 0;
    this.#exhausted = undefined;
    this.#pace = undefined;
    this.#shrink();
  }

  /** The operation is executed: its rows are not held any more, its answer until it is sent. */
  executed(): void {
    this.#readBytes = 0;
    this.#shrink();
  }

  /** The answer is sent, or nobody waits for it. It may be called more than once. */
  end(): void {
    this.reset();
    this.#isEnded = true;
  }

  /** Charges a field, its name included. @throws {GraphQLError} if the budget is exhausted. */
  field(info: Pick<GraphQLResolveInfo, 'path'>): void {
    const { key } = info.path;
    this.spend(FIELD_BYTES + (typeof key === 'string' ? key.length : 0), info.path);
  }

  /** Charges bytes of the answer. @throws {GraphQLError} if the budget is exhausted. */
  spend(bytes: number, path: Path): void {
    if (this.#exhausted) throw this.#exhausted;
    this.#answerBytes += bytes;
    if (this.#answerBytes <= this.#limits.answerBytes) {
      if (this.#answerBytes + this.#readBytes > this.#room) this.#makeRoom();
      return;
    }
    const { answerBytes: limit } = this.#limits;
    const place = pathOf(path);
    const advice = 'Ask for smaller pages, for fewer fields, or for less at a time.';
    const counted = `counting at least ${FIELD_BYTES} for each value`;
    throw this.#exhaust(
      `The answer would take more than ${limit} bytes, ${counted}: it has them at ${place}. ${advice}`,
      {
        limit,
      },
    );
  }

  /** Charges rows that were read. @throws {GraphQLError} if the budget is exhausted. */
  read(rows: readonly Row[], readModel: string): void {
    if (this.#exhausted) throw this.#exhausted;
    for (const row of rows) this.#readBytes += approximateBytes(row);
    const { readBytes: limit } = this.#limits;
    if (this.#readBytes <= limit) {
      if (this.#answerBytes + this.#readBytes > this.#room) this.#makeRoom();
      return;
    }
    const message = `The operation reads more than ${limit} bytes of rows, which it reached in ${readModel}.`;
    throw this.#exhaust(`${message} Ask for smaller pages or for fewer lists.`, { limit });
  }

  /** The rows that were charged are not held any more. */
  released(): void {
    this.#readBytes = 0;
  }

  /** Charges the elements of a list without their values. @throws {GraphQLError} if the budget is exhausted. */
  list(length: number, path: Path): void {
    this.spend(ELEMENT_BYTES * length, path);
  }

  /** Charges the elements of a list. @returns them, or a promise of them: see {@link Pace}. */
  elements<T>(list: readonly T[], info: GraphQLResolveInfo): Paced<T> | Promise<Paced<T>> {
    this.list(list.length, info.path);
    this.#pace ??= new Pace(() => this.spend(0, info.path));
    return this.#pace.elements(list, info);
  }

  /** Charges a field that failed, with the path and the message that tell of it. @returns the error that it fails with. */
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

  /** Takes more of the shares. @throws {GraphQLError} THROTTLED if there is no room. */
  #makeRoom(): void {
    const needed = stepsOf(this.#answerBytes + this.#readBytes);
    const reason = this.#isEnded ? undefined : this.#shares?.take(this.#caller, needed - this.#room);
    if (reason) {
      const facts = { code: 'THROTTLED', retryAfterMs: RETRY_AFTER_MS };
      throw this.#exhaust(`${reason} Read those first, or ask for less at a time.`, facts);
    }
    if (!this.#isEnded) this.#room = needed;
  }

  /** Gives back what is not needed any more. */
  #shrink(): void {
    const needed = stepsOf(this.#answerBytes + this.#readBytes);
    if (needed >= this.#room) return;
    this.#shares?.give(this.#caller, this.#room - needed);
    this.#room = needed;
  }

  #exhaust(message: string, facts: Readonly<Record<string, unknown>>): GraphQLError {
    // An error with a path is not located again, which would take time for each of the fields that are left.
    this.#exhausted = new GraphQLError(message, { path: [], extensions: { code: 'BAD_USER_INPUT', ...facts } });
    return this.#exhausted;
  }
}

/** Bytes in whole steps, at least one. */
function stepsOf(bytes: number): number {
  return STEP_BYTES * Math.max(1, Math.ceil(bytes / STEP_BYTES));
}
