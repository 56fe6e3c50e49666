import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import { HttpPaymentGateway } from '../../../src/shop/payments/http-gateway.ts';
import { CARDS } from '../../../src/shop/payments/local-gateway/cards.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { TIMEOUT_MS, useGateway } from '../../support/server/gateway.ts';
import { answering, gatewayThat, gatewayWithin } from '../../support/server/told-gateway.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'file' });
const openGateway = useGateway(database);

const amount = { amount: 3998, currency: 'GBP' };
const call = () => ({ key: randomUUID(), reference: randomUUID() });

const OK = answering(200, { status: 'authorized' });
const hangingUp: RequestListener = (request) => request.destroy();

describe('each test card', () => {
  const said = {
    tok_ok: { is: 'authorized' },
    tok_declined: { is: 'declined', code: 'card_declined', message: 'The card was declined.' },
    tok_insufficient_funds: {
      is: 'declined',
      code: 'insufficient_funds',
      message: 'There is not enough money on the card.',
    },
    tok_slow: { is: 'authorized' },
    // The second attempt is answered at once: it was done.
    tok_late: { is: 'authorized' },
    tok_lost: { is: 'authorized' },
    tok_uncertain: { is: 'authorized' },
    tok_timeout: { is: 'uncertain', reason: `It did not answer within ${TIMEOUT_MS} ms.` },
    tok_capture_declined: { is: 'authorized' },
  };
  it('is known here', () => expect(Object.keys(said).sort()).toEqual([...CARDS.keys()].sort()));

  it.each(Object.entries(said))('%s', async (method, answer) => {
    const { client } = await openGateway();
    const authorizing = { ...call(), amount, method };
    expect(await client.authorize(authorizing)).toEqual(answer);
    const { is } = answer.is === 'uncertain' ? { is: 'unknown' } : answer;
    expect(await client.lookup(authorizing)).toMatchObject({ is });
  });

  it.each(['tok_nothing', 'constructor', '__proto__'])('that there is not is declined: %s', async (method) => {
    const { client } = await openGateway();
    expect(await client.authorize({ ...call(), amount, method })).toMatchObject({
      is: 'declined',
      code: 'invalid_payment_method',
    });
  });
});

describe('a payment', () => {
  it('is authorised, captured and refunded, each once however often it is asked for', async () => {
    const { client } = await openGateway();
    const { reference, key } = call();
    const capture = { reference, key: randomUUID() };
    const refund = { reference, key: randomUUID() };
    for (let times = 0; times < 2; times++)
      expect(await client.authorize({ reference, key, amount, method: 'tok_ok' })).toEqual({ is: 'authorized' });
    for (let times = 0; times < 2; times++) expect(await client.capture(capture)).toEqual({ is: 'captured' });
    expect(await client.void({ reference, key: randomUUID() })).toEqual({ is: 'captured' });
    for (let times = 0; times < 2; times++) expect(await client.refund(refund)).toEqual({ is: 'refunded' });
    expect(await client.refund({ reference, key: randomUUID() })).toEqual({ is: 'refunded' });
    expect(await client.lookup({ reference })).toEqual({ is: 'refunded' });
  });

  it('that was voided can be neither captured nor, if that comes late, authorised', async () => {
    const { client } = await openGateway();
    const { reference } = call();
    expect(await client.void({ reference, key: randomUUID() })).toEqual({ is: 'voided' });
    const late = { reference, key: randomUUID(), amount, method: 'tok_ok' };
    expect(await client.authorize(late)).toMatchObject({ is: 'declined', code: 'payment_voided' });
    expect(await client.capture({ reference, key: randomUUID() })).toMatchObject({ code: 'not_authorized' });
    expect(await client.refund({ reference, key: randomUUID() })).toMatchObject({ code: 'not_captured' });
  });

  it('may be declined when it is captured', async () => {
    const { client } = await openGateway();
    const { reference, key } = call();
    await client.authorize({ reference, key, amount, method: 'tok_capture_declined' });
    expect(await client.capture({ reference, key: randomUUID() })).toMatchObject({
      is: 'declined',
      code: 'card_expired',
    });
    expect(await client.void({ reference, key: randomUUID() })).toEqual({ is: 'voided' });
  });

  it('is the same at another gateway on the same database, and after a restart', async () => {
    const [one, other] = [await openGateway(), await openGateway()];
    const authorizing = { ...call(), amount, method: 'tok_lost' };
    expect(await one.client.authorize(authorizing)).toEqual({ is: 'authorized' });
    await one.close();
    expect(await other.client.authorize(authorizing)).toEqual({ is: 'authorized' });
    expect(await other.client.capture({ ...authorizing, key: randomUUID() })).toEqual({ is: 'captured' });
    const [row] = await database.sql`
      select count(*)::int as count from local_gateway.payments where reference = ${authorizing.reference}`;
    expect(row?.count).toBe(1);
  });

  it('is made once if many ask for it at once', async () => {
    // Each of them is answered, also by a machine that does much else.
    const { client } = await openGateway({ timeoutMs: 15_000 });
    const authorizing = { ...call(), amount, method: 'tok_ok' };
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.authorize(authorizing)));
    expect(new Set(answers.map(({ is }) => is))).toEqual(new Set(['authorized']));
    const [row] =
      await database.sql`select count(*)::int as count from local_gateway.answers where key = ${authorizing.key}`;
    expect(row?.count).toBe(1);
  });
});

describe('what may pass', () => {
  it('is tried again with the same key, a few times', async () => {
    const { asked, client } = await gatewayThat(answering(503, {}), hangingUp, OK);
    const authorizing = { ...call(), amount, method: 'tok_ok' };
    expect(await client.authorize(authorizing)).toEqual({ is: 'authorized' });
    const { key } = authorizing;
    expect(asked).toEqual(
      Array.from({ length: 3 }, () => ({ key, authorization: 'Bearer sk_test', path: '/v1/authorizations' })),
    );
  });

  it.each([
    ['an error', answering(500, { error: { code: 'oops', message: 'Oops.' } }), 'Oops.'],
    ['too many requests', answering(429, {}), 'The gateway answered 429.'],
    ['a call that is still under way', answering(409, { error: { code: 'in_progress', message: 'Wait.' } }), 'Wait.'],
    ['a broken connection', hangingUp, expect.any(String)],
    ['silence', () => {}, 'It did not answer within 200 ms.'],
    ['no JSON', answering(200, '<html>'), 'What it answered is no JSON.'],
  ] as [string, RequestListener, unknown][])('is uncertain in the end: %s', async (_, answer, reason) => {
    const { asked, client } = await gatewayWithin(200, answer);
    expect(await client.capture(call())).toEqual({ is: 'uncertain', reason });
    expect(asked).toHaveLength(3);
  });

  it('is unreachable if no connection was made, unless an attempt before may have been heard', async () => {
    const { url, close } = await openGateway();
    await close();
    const nowhere = new HttpPaymentGateway({ url, backoffMs: 1 });
    expect(await nowhere.capture(call())).toEqual({ is: 'unreachable', reason: 'ECONNREFUSED' });
    const leaving = await gatewayThat((request) => {
      leaving.close();
      request.destroy();
    });
    expect(await leaving.client.capture(call())).toMatchObject({ is: 'uncertain' });
  });

  it('ends at once if nobody wants it any more', async () => {
    const { client } = await gatewayThat(() => {});
    const gone = new AbortController();
    const capturing = client.capture({ ...call(), signal: gone.signal });
    gone.abort();
    expect(await capturing).toMatchObject({ is: 'uncertain' });
  });
});

describe('the local gateway', () => {
  it('waits for nobody who has gone', async () => {
    const { url } = await openGateway();
    const waiting = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const gone = new AbortController();
    const body = JSON.stringify({ reference: 'never', amount: 1, currency: 'GBP', payment_method: 'tok_timeout' });
    const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
    const request = { method: 'POST', headers, body, signal: gone.signal };
    const asking = Promise.allSettled(Array.from({ length: 100 }, () => fetch(`${url}/v1/authorizations`, request)));
    expect(await until(() => waiting() >= 100)).toBe(true);
    gone.abort();
    await asking;
    // A few are others'.
    expect(await until(() => waiting() < 50)).toBe(true);
  });

  it('says what is wrong with a request', async () => {
    const { url } = await openGateway();
    const post = (path: string, body: string, headers: Record<string, string> = {}) =>
      fetch(`${url}${path}`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
    const authorization = { reference: randomUUID(), amount: 1, currency: 'GBP', payment_method: 'tok_ok' };
    const key = { 'idempotency-key': randomUUID() };
    const codeOf = async (response: Response) => [response.status, ((await response.json()) as Failure).error.code];
    expect(await codeOf(await post('/v1/authorizations', '{}'))).toEqual([400, 'idempotency_key_missing']);
    expect(await codeOf(await post('/v1/authorizations', '{', key))).toEqual([400, 'invalid_request']);
    expect(await codeOf(await post('/v1/authorizations', '{}', key))).toEqual([400, 'invalid_request']);
    expect(await codeOf(await post('/v1/nothing', '{}', key))).toEqual([404, 'not_found']);
    expect(await codeOf(await fetch(`${url}/v1/payments/${randomUUID()}`))).toEqual([404, 'not_found']);
    expect((await post('/v1/authorizations', JSON.stringify(authorization), key)).status).toBe(200);
    const other = JSON.stringify({ ...authorization, amount: 2 });
    expect(await codeOf(await post('/v1/authorizations', other, key))).toEqual([422, 'idempotency_key_reused']);
    const again = { 'idempotency-key': randomUUID() };
    expect(await codeOf(await post('/v1/authorizations', other, again))).toEqual([409, 'reference_in_use']);
  });
});

interface Failure {
  readonly error: { readonly code: string };
}
