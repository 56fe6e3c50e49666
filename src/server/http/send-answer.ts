import type { ServerResponse } from 'node:http';

/**
 * Sends the pieces of a body, and ends the response. Each piece is given to the network in a turn of the event loop of
 * its own, and only after the client has taken the one before: giving it a large body at once takes milliseconds. The
 * head must be written, with the length of the whole.
 */
export function sendPieces(response: ServerResponse, pieces: readonly Buffer[]): void {
  const send = (nth: number) => {
    const piece = pieces[nth];
    if (!piece) {
      response.end();
      return;
    }
    response.write(piece, (error) => {
      // Without a client nobody waits for the others.
      if (!error) setImmediate(send, nth + 1);
    });
  };
  send(0);
}

/** The number of bytes of all pieces. */
export function lengthOfPieces(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}
