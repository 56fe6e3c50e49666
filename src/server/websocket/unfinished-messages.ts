import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/** An unfinished message with fewer bytes than this is not counted. */
const LARGE_BYTES = 64 * 1024;
/** Bytes of a ping or pong from a client besides what it carries. */
const CONTROL_BYTES = 6;

export interface UnfinishedRules {
  /** How long a large message may take to arrive, in ms. */
  readonly timeoutMs: number;
  /** Takes a place for a large message that is not whole yet. @returns gives it back. @throws if there is none. */
  readonly hold: () => () => void;
  /** The message took too long, or there was no place for it: the error says why. */
  readonly onRefused: (error: unknown) => void;
}

/**
 * Bounds what clients keep in memory with messages that they never finish: in the middle of one that is sent in fragments they can
 * still answer pings, so that the connection seems to be fine.
 *
 * @param connection what carries the socket.
 */
export function watchUnfinished(socket: WebSocket, connection: Duplex, rules: UnfinishedRules): void {
  let bytes = 0;
  let release: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isRefused = false;
  const refuse = (error: unknown) => {
    isRefused = true;
    rules.onRefused(error);
  };
  const finish = () => {
    bytes = 0;
    clearTimeout(timer);
    release?.();
    release = undefined;
  };
  const begin = () => {
    try {
      release = rules.hold();
      timer = setTimeout(() => refuse(undefined), rules.timeoutMs).unref();
    } catch (error) {
      refuse(error);
    }
  };
  // Before the socket takes them, so that a message which ends with them is not counted.
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
