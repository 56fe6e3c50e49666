import type { IncomingMessage } from 'node:http';

/** Reads the body of a request that does not say how long it is; what is beyond that many bytes is not read. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | 'too long' | 'gone'> {
  // Iterating over the request and breaking off would close its connection, on which it is still to be answered.
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const take = (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size <= maxBytes) return;
      request.off('data', take).pause();
      resolve('too long');
    };
    request.on('data', take);
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', () => resolve('gone'));
    request.once('close', () => resolve('gone'));
  });
}
