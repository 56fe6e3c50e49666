import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { mutationOf } from '../../../support/client/http-client.ts';
import { logSize } from '../../../support/kernel/log.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const app = useApp({ env: { MAX_BODY_BYTES: '100000' }, fulfils: false });
const UPDATES = 'subscription { projectionUpdated { projection } }';

const sent: ClientRequest[] = [];
afterEach(() => {
  for (const one of sent.splice(0)) one.destroy();
});

/** A request whose body is sent bit by bit, without its length. */
function open(headers: Record<string, string> = {}): ClientRequest {
  const one = request(`${app.url}/graphql`, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked', ...headers },
  });
  one.on('error', () => {});
  sent.push(one);
  return one;
}

async function answerTo(one: ClientRequest) {
  const [response] = (await once(one, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, ...JSON.parse(await text(response)) };
}

describe('a body that does not say how long it is', () => {
  it('is taken, even if characters are cut in two', async () => {
    const input = { name: 'Ada Łövelace', email: 'ada@example.org' };
    const body = Buffer.from(JSON.stringify({ query: mutationOf('registerCustomer'), variables: { input } }));
    const cut = body.indexOf(Buffer.from('Ł')) + 1;
    const one = open();
    one.write(body.subarray(0, cut));
    one.end(body.subarray(cut));
    const { status, data } = await answerTo(one);
    expect(status).toBe(200);
    expect(data.registerCustomer.__typename).toBe('CommandReceipt');
    const query = 'query ($id: ID!, $t: ConsistencyToken!) @readAfter(token: $t) { customer(id: $id) { name } }';
    const { aggregateId: id, token: t } = data.registerCustomer;
    expect((await app.query(query, { id, t })).data).toEqual({ customer: { name: input.name } });
  });

  it.each(['', '{', '5'])('is refused in words where it is %j', async (body) => {
    const one = open();
    one.end(body);
    const { status, errors } = await answerTo(one);
    expect([status, errors[0].extensions.code]).toEqual([400, 'BAD_USER_INPUT']);
  });

  it('is taken up to MAX_BODY_BYTES, and cut off beyond', async () => {
    const body = JSON.stringify({ query: '{ projections { name } }' });
    const full = open();
    full.end(body + ' '.repeat(100_000 - body.length));
    expect((await answerTo(full)).status).toBe(200);
    const endless = open();
    endless.write(body + ' '.repeat(100_001 - body.length));
    const { status, headers, errors } = await answerTo(endless);
    expect([status, headers.connection]).toEqual([413, 'close']);
    const message = 'The request is longer than the 100000 bytes that are taken.';
    expect(errors).toEqual([{ message, extensions: { code: 'BAD_USER_INPUT' } }]);
    await until(() => endless.destroyed || endless.socket?.destroyed);
  });

  it('whose client breaks off takes no effect and is no fault', async () => {
    const before = await logSize(app.database);
    for (const part of ['', '{"query":']) {
      const one = open();
      one.write(`${part} `);
      await until(() => one.socket?.bytesWritten);
      one.destroy();
    }
    expect((await app.query('{ projections { name } }')).status).toBe(200);
    expect(await logSize(app.database)).toEqual(before);
    expect(app.log.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });

  it('may be a subscription, which ends when its client goes away', async () => {
    const { hub } = app.engine.projector;
    // The processes listen too.
    const others = hub.size;
    const one = open({ accept: 'text/event-stream' });
    one.end(JSON.stringify({ query: UPDATES }));
    const [response] = (await once(one, 'response')) as [IncomingMessage];
    expect(response.headers['content-type']).toBe('text/event-stream');
    response.on('error', () => {});
    await until(() => hub.size > others);
    let events = '';
    response.on('data', (chunk) => (events += chunk));
    await app.command('registerCustomer', { name: 'Ada', email: 'ada@example.org' });
    await until(() => events.includes('event: next'));
    one.destroy();
    await until(() => hub.size === others);
  });
});
