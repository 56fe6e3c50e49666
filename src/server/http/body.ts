import type { IncomingMessage } from 'node:http';

/** A body that takes longer to arrive is slow, in ms. */
const SLOW_MS = 1000;

/** The body of a request; or that it is longer than may be, or that the client has gone away meanwhile. */
export type Body = Buffer | 'too long' | 'gone';

/**
 * Reads the body of a request; what is beyond that many bytes is not read.
 * @param onSlow called once if the body takes long; what it throws ends the reading.
 */
export function readBody(request: IncomingMessage, maxBytes: number, onSlow: () => void): Promise<Body> {
  // Iterating over the request and breaking off would close its connection, on which it is still to be answered.
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const stop = () => {
      clearTimeout(slow);
      request.off('data', take).pause();
    };
    const slow = setTimeout(() => {
      try {
        onSlow();
      } catch (error) {
        stop();
        reject(error);
      }
    }, SLOW_MS);
    const take = (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size <= maxBytes) return;
      stop();
      resolve('too long');
    };
    const finish = (body: Body) => {
      clearTimeout(slow);
      resolve(body);
    };
    request.on('data', take);
    request.once('end', () => finish(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    request.once('error', () => finish('gone'));
    request.once('close', () => finish('gone'));
  });
}
