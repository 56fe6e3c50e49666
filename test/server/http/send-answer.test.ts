import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { lengthOfPieces, sendPieces } from '../../../src/server/http/send-answer.ts';

it('a body is given to the network a piece at a time, the next one when the last one was taken', async () => {
  const taken: (() => void)[] = [];
  const given: string[] = [];
  const response = {
    write: (piece: Buffer, done: (error?: Error) => void) => {
      given.push(String(piece));
      taken.push(done);
    },
    end: () => given.push('end'),
  } as unknown as ServerResponse;
  sendPieces(response, [Buffer.from('a'), Buffer.from('b')]);
  expect(given).toEqual(['a']);
  for (const expected of [
    ['a', 'b'],
    ['a', 'b', 'end'],
  ]) {
    taken.shift()?.();
    await new Promise(setImmediate);
    expect(given).toEqual(expected);
  }
});

it('a body in pieces arrives as a whole, with its length', async () => {
  const pieces = ['a', 'é', 'b'].map((letter) => Buffer.from(letter.repeat(100_000)));
  const server = createServer((_, response) => {
    sendPieces(response.writeHead(200, { 'content-length': lengthOfPieces(pieces) }), pieces);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  expect(answer.headers.get('content-length')).toBe('400000');
  expect(await answer.text()).toBe(Buffer.concat(pieces).toString());
});

it('no more pieces are sent to a client that is gone', async () => {
  let writes = 0;
  const response = {
    write: (_: Buffer, done: (error?: Error) => void) => {
      writes++;
      done(new Error('gone'));
    },
  } as unknown as ServerResponse;
  sendPieces(response, [Buffer.from('a'), Buffer.from('b')]);
  await new Promise(setImmediate);
  expect(writes).toBe(1);
});
