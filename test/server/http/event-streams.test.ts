import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { EventStreams } from '../../../src/server/http/event-streams.ts';

describe('an event stream whose access token expires', () => {
  it('ends its subscription also if its client takes nothing any more', async () => {
    // A socket that is not connected never takes what is written to it.
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    let isClosed = false;
    response.once('close', () => {
      isClosed = true;
    });
    await new Promise<void>((resolve) => new EventStreams().add(response, new Date(), resolve));
    expect([response.writableEnded, isClosed]).toEqual([true, false]);
  });
});
