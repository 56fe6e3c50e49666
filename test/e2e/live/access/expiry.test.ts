import { createClient as createEventClient } from 'graphql-sse';
import { createClient as createSocketClient } from 'graphql-ws';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { Feed, type FeedMessage } from '../../../../src/testing/clients/feed.ts';
import { registerCustomer } from '../../../support/client/shop.ts';
import { accessToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { eventFeed } from '../../../support/client/transports.ts';
import { stall } from '../../../support/postgres/stall.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const app = useApp({ env: WITH_AUTH, fulfils: false });

const UPDATES = 'subscription { projectionUpdated(projections: ["customers"]) { projection } }';
interface Updated {
  readonly projectionUpdated: { readonly projection: string };
}

/**
 * A clerk's token that expires after this many ms. Tokens count in seconds, and the server grants five for clocks that
 * differ.
 */
const tokenFor = (ms: number) => accessToken('clerk', ['staff'], { expiresAt: new Date(Date.now() - 5000 + ms) });
const change = async () => registerCustomer(app, {}, { token: await staffToken() });

/** Credentials as an application gives them to its client: soon over at first, then fresh ones. */
function renewedCredentials() {
  let asked = 0;
  return {
    get asked() {
      return asked;
    },
    next: async () => ({ authorization: `Bearer ${asked++ === 0 ? await tokenFor(2000) : await staffToken()}` }),
  };
}

/** Sends changes until a message has come that was not there before. */
async function hearsOf(feed: Feed<Updated>): Promise<void> {
  const before = feed.messages.length;
  await until(async () => {
    await change();
    return feed.messages.slice(before).some(({ data }) => data?.projectionUpdated.projection === 'customers');
  });
}

describe('a subscription whose access token expires', () => {
  it('goes on over WebSocket with the next token that the client of graphql-ws is given', async () => {
    const credentials = renewedCredentials();
    const closed: number[] = [];
    const client = createSocketClient({
      url: `${app.url.replace(/^http/, 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: credentials.next,
      retryWait: async () => {},
      on: { closed: (event) => closed.push((event as { code: number }).code) },
    });
    onTestFinished(() => void client.dispose());
    const feed = new Feed<Updated>(() => {});
    client.subscribe<Updated>(
      { query: UPDATES },
      {
        next: (message) => feed.push(message as FeedMessage<Updated>),
        error: (error) => {
          throw error;
        },
        complete: () => feed.finish({ how: 'complete' }),
      },
    );
    await hearsOf(feed);
    await until(() => closed.length > 0);
    expect(closed).toEqual([4403]);
    await hearsOf(feed);
    expect([credentials.asked, feed.ending]).toEqual([2, undefined]);
  });

  it('goes on over server-sent events with the next token that the client of graphql-sse is given', async () => {
    const credentials = renewedCredentials();
    const client = createEventClient({ url: `${app.url}/graphql`, headers: credentials.next, retry: async () => {} });
    onTestFinished(() => client.dispose());
    const feed = new Feed<Updated>(() => {});
    client.subscribe<Updated>(
      { query: UPDATES },
      {
        next: (message) => feed.push(message as FeedMessage<Updated>),
        error: (error) => {
          throw error;
        },
        complete: () => feed.finish({ how: 'complete' }),
      },
    );
    await hearsOf(feed);
    await until(() => feed.messages.some(({ errors }) => errors !== undefined));
    await hearsOf(feed);
    const errors = feed.messages.flatMap((message) => message.errors ?? []);
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    expect([credentials.asked, feed.ending]).toEqual([2, undefined]);
  });

  it.each(['POST', 'GET'] as const)(
    'ends over server-sent events (%s): an error, then no more, and nothing is left of it',
    async (method) => {
      const authorization = `Bearer ${await tokenFor(2000)}`;
      const feed = eventFeed<Updated>(app.url, method, { query: UPDATES }, { authorization });
      await feed.response;
      expect(await feed.end()).toEqual({ how: 'closed', reason: 'end' });
      expect(feed.messages.at(-1)?.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
      await until(async () => /^afterwrite_subscribers 0$/m.test(await (await fetch(`${app.url}/metrics`)).text()));
      const again = await fetch(`${app.url}/graphql?query=${encodeURIComponent(UPDATES)}`, {
        headers: { accept: 'text/event-stream', authorization: `Bearer ${await tokenFor(-60_000)}` },
      });
      expect(again.status).toBe(401);
      await again.body?.cancel();
    },
  );
});

describe('a query whose access token expires while it waits', () => {
  it('is answered with UNAUTHENTICATED, and its wait is over', async () => {
    const release = await stall(app.database, 'customers');
    const { token: after, aggregateId: id } = await change();
    const query = `query @readAfter(token: "${after}", timeoutMs: 10000) { customer(id: "${id}") { name } }`;
    const answer = await app.query(query, {}, { token: await tokenFor(2000) });
    expect(answer.code, answer.text).toBe('UNAUTHENTICATED');
    await release();
    const refused = app.log.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'refused');
    expect(refused.at(-1)).toMatchObject({ reason: 'unauthenticated', actor: 'clerk', transport: 'http' });
  });
});
