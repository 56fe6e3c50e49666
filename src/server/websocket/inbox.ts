import type { RawData, WebSocket } from 'ws';
import { later } from '../../scheduling/timers.ts';

/** Messages that are handled in one turn, or at once: about a millisecond of work. */
const MESSAGES_PER_TURN = 20;
/** Bytes of a message that take as long as a small message does. */
const BYTES_PER_MESSAGE = 1600;
/** Time over which the messages of a caller that were handled at once are counted, in ms. */
const AT_ONCE_MS = 20;

/**
 * Counts the messages of each caller, over all sockets, that were handled as soon as they arrived. Most callers send a
 * few at a time, which need not wait for a turn.
 */
export class PromptMessages {
  readonly #weights = new Map<string, number>();

  /** @returns false if messages of this weight have to wait for a turn. */
  take(caller: string, weight: number): boolean {
    const taken = (this.#weights.get(caller) ?? 0) + weight;
    if (taken > MESSAGES_PER_TURN) return false;
    if (this.#weights.size === 0) later(AT_ONCE_MS, () => this.#weights.clear(), { keepsProcess: false });
    this.#weights.set(caller, taken);
    return true;
  }
}

export interface InboxRules {
  readonly prompt: PromptMessages;
  /** Whose messages they are. */
  readonly caller: () => string;
  /** Resolves when the caller has a turn on the event loop. */
  readonly turn: (caller: string) => Promise<void>;
  readonly handle: (message: RawData) => void;
}

/**
 * Handles the messages of one WebSocket in their order. Only a few are handled at once, the others when their caller
 * has turns on the event loop. Meanwhile nothing more is read from the socket. So those who send faster than the server
 * works wait themselves, and nobody else does. What waits is at most what one read of the network brings.
 */
export class Inbox {
  readonly #socket: Pick<WebSocket, 'pause' | 'resume'>;
  readonly #rules: InboxRules;
  #waiting: RawData[] = [];
  #isEnded = false;

  constructor(socket: Pick<WebSocket, 'pause' | 'resume'>, rules: InboxRules) {
    this.#socket = socket;
    this.#rules = rules;
  }

  /** Takes a message that has arrived. */
  add(message: RawData): void {
    if (this.#isEnded) return;
    const { prompt, caller, handle } = this.#rules;
    if (this.#waiting.length === 0 && prompt.take(caller(), weightOf(message))) {
      handle(message);
      return;
    }
    this.#waiting.push(message);
    if (this.#waiting.length > 1) return;
    this.#socket.pause();
    void this.#work();
  }

  /** Forgets what waits, and does not read on: the client is not heard any more. */
  end(): void {
    this.#isEnded = true;
    this.#waiting = [];
  }

  async #work(): Promise<void> {
    const { turn, caller, handle } = this.#rules;
    while (this.#waiting.length > 0) {
      await turn(caller());
      for (const message of this.#nextFew()) if (!this.#isEnded) handle(message);
    }
    // Also a socket that is closing reads on, if its client is still heard: the client's own close is what it waits for.
    if (!this.#isEnded) this.#socket.resume();
  }

  /** Removes as many messages as one turn has time for, at least one. */
  #nextFew(): readonly RawData[] {
    let weight = 0;
    let count = 0;
    for (const message of this.#waiting) {
      weight += weightOf(message);
      if (count > 0 && weight > MESSAGES_PER_TURN) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }
}

/** The number of bytes of a message. */
export function lengthOf(message: RawData): number {
  return Array.isArray(message) ? message.reduce((sum, { length }) => sum + length, 0) : message.byteLength;
}

function weightOf(message: RawData): number {
  return 1 + Math.floor(lengthOf(message) / BYTES_PER_MESSAGE);
}
