import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { idOf } from '../../../../src/graphql/documents/read-documents.ts';
import { disposeOf, socketClient, subscribeWith } from '../../../../src/testing/clients/sockets.ts';
import { eventFeed, useTransports } from '../../../support/client/transports.ts';
import { useApp } from '../../../support/server/app.ts';

const QUERY = 'query Names { projections { name } }';
const OTHER = '{ projections { position } }';

const folder = mkdtempSync(join(tmpdir(), 'trusted-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'documents.json');
const SUBSCRIPTION =
  'subscription Updates($token: ConsistencyToken!) { caughtUp(token: $token, projections: ["orders"]) { projection } }';
writeFileSync(file, JSON.stringify({ [idOf(QUERY)]: QUERY, [idOf(SUBSCRIPTION)]: SUBSCRIPTION, mine: OTHER }));

const id = idOf(QUERY);
const persisted = (sha256Hash: string) => ({ persistedQuery: { version: 1, sha256Hash } });

describe.each([
  ['beside others', 'off'],
  ['and no others', 'on'],
])('known documents, %s', (_, only) => {
  const app = useApp({ env: { TRUSTED_DOCUMENTS: file, TRUSTED_DOCUMENTS_ONLY: only } });
  const open = useTransports(app);
  const token = () => app.engine.tokens.encode(0);
  const post = (body: object) => app.post(JSON.stringify(body));

  it('are answered by their id, by their hash and by their text', async () => {
    for (const body of [
      { documentId: id },
      { documentId: `sha256:${id}` },
      { documentId: 'mine' },
      { query: '', documentId: id, operationName: 'Names' },
      { extensions: persisted(id) },
      { query: QUERY },
    ]) {
      const { status, errors, data } = await post(body);
      expect([status, errors]).toEqual([200, undefined]);
      expect(data).toHaveProperty('projections');
    }
    const search = `?${new URLSearchParams({ documentId: id })}`;
    expect((await app.send({ method: 'GET', search })).data).toHaveProperty('projections');
  });

  it('are told from an id that is not known', async () => {
    const answer = await post({ documentId: idOf('nothing') });
    expect(answer.status).toBe(404);
    expect(answer.errors).toMatchObject([{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }]);
  });

  it('are answered over event streams', async () => {
    const feed = eventFeed(app.url, 'POST', { documentId: idOf(SUBSCRIPTION), variables: { token: token() } });
    expect(await feed.data()).toEqual({ caughtUp: { projection: 'orders' } });
  });

  it('are answered over WebSocket', async () => {
    const client = socketClient(app.url);
    const ask = (payload: object) =>
      subscribeWith({ ...client, subscribe: (given, sink) => client.subscribe({ ...given, ...payload }, sink) }, '', {
        token: token(),
      });
    expect(await ask({ documentId: idOf(SUBSCRIPTION) }).data()).toEqual({ caughtUp: { projection: 'orders' } });
    expect(await ask({ extensions: persisted(idOf(SUBSCRIPTION)) }).data()).toEqual({
      caughtUp: { projection: 'orders' },
    });
    const { errors } = await ask({ documentId: 'nothing' }).next();
    expect(errors).toMatchObject([{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }]);
    await disposeOf(client);
  });

  it(only === 'on' ? 'keep other documents from being answered' : 'leave other documents as they are', async () => {
    const other = '{ projections { state } }';
    const overHttp = await post({ query: other });
    const overSocket = await open('WebSocket')
      .subscribe('subscription { caughtUp(token: "nonsense") { projection } }')
      .next();
    const overEvents = await eventFeed(app.url, 'POST', {
      query: 'subscription { caughtUp(token: "nonsense") { projection } }',
    }).next();
    const codes = [overHttp, overSocket, overEvents].map(({ errors }) => errors?.[0]?.extensions?.code);
    if (only === 'on') {
      expect(codes).toEqual(['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN']);
      expect(overHttp.status).toBe(403);
      expect((await post({ extensions: persisted(idOf(other)) })).code).toBe('PERSISTED_QUERY_NOT_FOUND');
    } else {
      expect(codes).toEqual([undefined, 'INVALID_TOKEN', 'INVALID_TOKEN']);
      expect((await post({ extensions: persisted(idOf(other)) })).code).toBe('PERSISTED_QUERY_NOT_SUPPORTED');
    }
  });
});
