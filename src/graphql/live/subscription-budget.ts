import type { DocumentNode } from 'graphql';
import { ThrottledError } from '../../kernel/errors.ts';
import { BadUserInputError } from '../errors.ts';

/** When to try again, in ms. By then, a caller who holds too much may have ended a subscription. */
const RETRY_AFTER_MS = 5000;
/** Bytes that a token of a document takes with its share of the syntax tree. */
const TOKEN_BYTES = 600;

/** The memory limits of subscriptions: numbers of keys and of bytes. */
export interface SubscriptionLimits {
  /** Keys that one subscription may name. */
  readonly keys: number;
  /** Of one subscription. */
  readonly subscription: number;
  /** Of all subscriptions of one connection. */
  readonly connection: number;
  /** Of all subscriptions of one caller: an actor, or an address if nobody is signed in. */
  readonly caller: number;
  /** Of all subscriptions of this process. */
  readonly total: number;
}

/** Who holds what. */
export interface SubscriptionHolder {
  /** Key of the actor or address: see `callerKey`. */
  readonly caller: string;
  /** The same object for all subscriptions of one connection. */
  readonly connection: object | undefined;
}

/**
 * Counts what all subscriptions hold in memory, in bytes: by connection, by caller and in total. Bytes are counted
 * before they are used, so that a subscription without room is refused, and given back when it ends, for whatever
 * reason.
 */
export class SubscriptionBudgets {
  readonly limits: SubscriptionLimits;
  readonly #callers = new Map<string, number>();
  readonly #connections = new WeakMap<object, number>();
  /** Subscriptions by document. The first one of each document pays for it. */
  readonly #documents = new Map<DocumentNode, Set<Allotment>>();
  #total = 0;

  constructor(limits: SubscriptionLimits) {
    this.limits = limits;
  }

  /** Bytes that are held now. */
  get bytes(): number {
    return this.#total;
  }

  /** An allotment for one subscription; it holds nothing yet and must be released. */
  open(holder: SubscriptionHolder): Allotment {
    return new Allotment(this, holder);
  }

  /** Why a holder may not take these additional bytes; undefined if there is room. */
  whyFull({ caller, connection }: SubscriptionHolder, bytes: number): string | undefined {
    const { limits } = this;
    if (connection && (this.#connections.get(connection) ?? 0) + bytes > limits.connection) {
      return `The subscriptions of one connection hold at most ${limits.connection} bytes.`;
    }
    if ((this.#callers.get(caller) ?? 0) + bytes > limits.caller) {
      return `The subscriptions of one caller hold at most ${limits.caller} bytes.`;
    }
    if (this.#total + bytes > limits.total) return `All subscriptions together hold at most ${limits.total} bytes.`;
    return undefined;
  }

  /** Counts bytes that a holder takes, or gives back if negative. */
  count({ caller, connection }: SubscriptionHolder, bytes: number): void {
    const left = (this.#callers.get(caller) ?? 0) + bytes;
    if (left > 0) this.#callers.set(caller, left);
    else this.#callers.delete(caller);
    if (connection) this.#connections.set(connection, (this.#connections.get(connection) ?? 0) + bytes);
    this.#total += bytes;
  }

  /** Subscriptions with the same document share it. @returns the bytes that this one pays. */
  share(document: DocumentNode, allotment: Allotment): number {
    const sharers = this.#documents.get(document);
    if (sharers) {
      sharers.add(allotment);
      return 0;
    }
    this.#documents.set(document, new Set([allotment]));
    return bytesOf(document);
  }

  /** If this one has paid, the next one takes over the cost. */
  unshare(document: DocumentNode, allotment: Allotment): void {
    const sharers = this.#documents.get(document);
    const [payer] = sharers ?? [];
    sharers?.delete(allotment);
    const [next] = sharers ?? [];
    if (!next) this.#documents.delete(document);
    else if (payer === allotment) next.inherit(bytesOf(document));
  }
}

/** The memory that one subscription holds, in bytes. */
export class Allotment {
  readonly #budgets: SubscriptionBudgets;
  readonly #holder: SubscriptionHolder;
  #document: DocumentNode | undefined;
  #isReleased = false;
  /** All bytes, and those of its own without the document. */
  #bytes = 0;
  #own = 0;

  constructor(budgets: SubscriptionBudgets, holder: SubscriptionHolder) {
    this.#budgets = budgets;
    this.#holder = holder;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @throws {BadUserInputError} if one subscription may not name this many keys. */
  checkKeys(count: number): void {
    const { keys } = this.#budgets.limits;
    if (count <= keys) return;
    throw new BadUserInputError(
      `A subscription names at most ${keys} keys, not ${count}. Leave them out to listen to all.`,
    );
  }

  /**
   * Takes bytes before they are used.
   * @throws {BadUserInputError} if one subscription may not hold that much.
   * @throws {ThrottledError} if the connection, the caller or the process has no room for it.
   */
  take(bytes: number): void {
    const { subscription } = this.#budgets.limits;
    if (this.#own + bytes > subscription) {
      throw new BadUserInputError(
        `A subscription holds at most ${subscription} bytes in memory, and this one would hold ${this.#own + bytes}. ` +
          'Name fewer keys, or read large data with queries.',
      );
    }
    this.#check(bytes);
    this.#own += bytes;
    this.#count(bytes);
  }

  /** The same; false if there is no room. */
  tryTake(bytes: number): boolean {
    const { subscription } = this.#budgets.limits;
    if (this.#own + bytes > subscription || this.#budgets.whyFull(this.#holder, bytes)) return false;
    this.#own += bytes;
    this.#count(bytes);
    return true;
  }

  /**
   * Takes its share of a document, which subscriptions with the same document have in common. @throws {ThrottledError}
   */
  takeDocument(document: DocumentNode): void {
    const bytes = this.#budgets.share(document, this);
    this.#document = document;
    this.#check(bytes);
    this.#count(bytes);
  }

  /** Gives bytes back. */
  give(bytes: number): void {
    if (this.#isReleased) return;
    this.#own -= bytes;
    this.#count(-bytes);
  }

  /** Gives everything back. It may be called more than once. */
  release(): void {
    if (this.#isReleased) return;
    const document = this.#document;
    this.#count(-this.#bytes);
    this.#isReleased = true;
    if (document) this.#budgets.unshare(document, this);
  }

  /** Takes over what another one has left behind. */
  inherit(bytes: number): void {
    this.#count(bytes);
  }

  #check(bytes: number): void {
    const reason = this.#budgets.whyFull(this.#holder, bytes);
    if (reason) throw new ThrottledError(RETRY_AFTER_MS, `${reason} End others first.`);
  }

  #count(bytes: number): void {
    if (this.#isReleased) return;
    this.#bytes += bytes;
    this.#budgets.count(this.#holder, bytes);
  }
}

function bytesOf({ tokenCount = 0 }: DocumentNode): number {
  return TOKEN_BYTES * tokenCount;
}
