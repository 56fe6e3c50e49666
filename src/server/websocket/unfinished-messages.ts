import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { later, type Timer } from '../../scheduling/timers.ts';

/** Unfinished messages with fewer bytes than this are ignored. */
const LARGE_BYTES = 64 * 1024;
/** Bytes of a client's ping or pong besides its payload. */
const CONTROL_BYTES = 6;

export interface UnfinishedRules {
  /** How long a large message may take to arrive, in ms. */
  readonly timeoutMs: number;
  /**
   * Takes a place for a large message that is not complete yet. @returns a function that releases it. @throws if there
   * is no place.
   */
  readonly hold: () => () => void;
  /** The message took too long, or there was no place for it; the error says which. */
  readonly onRefused: (error: unknown) => void;
}

/**
 * Bounds the memory of messages that clients never finish. In the middle of a fragmented message they can still answer
 * pings, so the connection looks healthy.
 *
 * @param connection that carries the socket.
 */
export function watchUnfinished(socket: WebSocket, connection: Duplex, rules: UnfinishedRules): void {
  let bytes = 0;
  let release: (() => void) | undefined;
  let timer: Timer | undefined;
  let isRefused = false;
  const refuse = (error: unknown) => {
    isRefused = true;
    rules.onRefused(error);
  };
  const finish = () => {
    bytes = 0;
    timer?.cancel();
    release?.();
    release = undefined;
  };
  const begin = () => {
    try {
      release = rules.hold();
      timer = later(rules.timeoutMs, () => refuse(undefined), { keepsProcess: false });
    } catch (error) {
      refuse(error);
    }
  };
  // Runs before the socket parses the chunk, so that a message that ends with it is not counted.
  connection.prependListener('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  connection.on('data', () => {
    if (bytes > LARGE_BYTES && !release && !isRefused) begin();
  });
  const without = (data: Buffer) => {
    bytes = Math.max(0, bytes - data.length - CONTROL_BYTES);
  };
  socket.on('ping', without);
  socket.on('pong', without);
  socket.on('message', finish);
  socket.once('close', finish);
}
