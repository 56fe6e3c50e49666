import type { Socket } from 'node:net';
import type { Entrance } from '../../scheduling/entrance.ts';

/** Bytes of a connection that are parsed before others have a turn: 680 chunks of a byte, or half a millisecond. */
export const PORTION_BYTES = 4 * 1024;
/** The same, while portions of the connection are parsed quickly: those of large bodies, which are one piece each. */
const LARGEST_PORTION_BYTES = 16 * 1024;
/** A portion that takes longer, in ms, is followed by a small one. */
const QUICK_MS = 0.1;

/**
 * Hands what a connection receives to the parser in portions, each in its turn.
 *
 * Node reads 64 kB at a time and parses them before anything else happens: 10,900 chunks of a byte, 2,000 requests without
 * headers or 9,000 WebSocket frames, of each connection that has as many. Whoever refuses such requests is heard only afterwards.
 * A small request is one portion, and begins as soon as it arrives. A connection whose bytes wait is not read, so at most 64 kB
 * of it wait. If it is destroyed, they are dropped.
 *
 * @param entrance where the portions of all connections take turns.
 * @param caller whose portions they are.
 */
export function parseInPortions(socket: Socket, entrance: Entrance, caller: string): void {
  new Portions(socket, entrance, caller);
  // The parser of Node's HTTP server reads the socket's file descriptor itself, unless somebody else listens.
  const listener = () => {};
  socket.on('data', listener);
  socket.off('data', listener);
}

/** Overrides the two methods of a stream by which bytes come in and are asked for. */
class Portions {
  readonly #socket: Socket;
  readonly #entrance: Entrance;
  readonly #caller: string;
  readonly #push: Socket['push'];
  /** Bytes that were received and not parsed yet; undefined if the socket may be read. */
  #waiting: Buffer | undefined;
  #portionBytes = PORTION_BYTES;
  /** Whether there is a place at the entrance. */
  #hasPlace = false;

  constructor(socket: Socket, entrance: Entrance, caller: string) {
    this.#socket = socket;
    this.#entrance = entrance;
    this.#caller = caller;
    this.#push = socket.push.bind(socket);
    const read = socket._read.bind(socket);
    socket.push = this.#receive;
    socket._read = (size) => {
      if (!this.#waiting) read(size);
      // The stream was full, and is not any more. It calls this while it hands out bytes, so the next ones come afterwards.
      else if (!this.#hasPlace) process.nextTick(this.#parse);
    };
    socket.on('resume', this.#parse);
  }

  /** @returns false if nothing more is to be read for now. */
  readonly #receive = (bytes: Buffer | null): boolean => {
    // The end comes while nothing waits: a socket that is not read does not end.
    if (bytes === null || bytes.length === 0) return this.#push(bytes);
    this.#waiting = bytes;
    return this.#parse();
  };

  /** Parses as many portions as may begin now. @returns whether nothing waits any more. */
  readonly #parse = (): boolean => {
    while (this.#mayGoOn && !this.#hasPlace) {
      const turn = this.#entrance.enter(this.#caller);
      if (turn) {
        this.#hasPlace = true;
        void turn.then(this.#useTurn);
      } else if (!this.#parseOne()) {
        return false;
      }
    }
    return !this.#waiting;
  };

  readonly #useTurn = (): void => {
    this.#hasPlace = false;
    if (this.#mayGoOn) this.#parseOne();
    this.#parse();
  };

  /** False if nothing waits, if the connection was destroyed, or if nobody wants to have its bytes now. */
  get #mayGoOn(): boolean {
    if (this.#socket.destroyed) this.#waiting = undefined;
    return this.#waiting !== undefined && this.#socket.readableFlowing !== false;
  }

  #parseOne(): boolean {
    const bytes = this.#waiting;
    if (!bytes || bytes.length <= this.#portionBytes) {
      this.#waiting = undefined;
      return this.#push(bytes);
    }
    const portion = bytes.subarray(0, this.#portionBytes);
    this.#waiting = bytes.subarray(this.#portionBytes);
    const began = performance.now();
    const takesMore = this.#push(portion);
    const isQuick = performance.now() - began <= QUICK_MS;
    this.#portionBytes = isQuick ? Math.min(2 * this.#portionBytes, LARGEST_PORTION_BYTES) : PORTION_BYTES;
    return takesMore;
  }
}
