import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { describe, expect, it } from 'vitest';
import { answering, gatewayThat } from '../../support/server/told-gateway.ts';

const amount = { amount: 3998, currency: 'GBP' };
const call = () => ({ key: randomUUID(), reference: randomUUID() });

describe('what will not pass', () => {
  const no = { error: { code: 'no', message: 'No.' } };
  const changes = ['capture', 'void', 'refund'] as const;

  it.each([400, 401, 403, 404, 415, 422])('is a fault of ours: %i', async (status) => {
    const { asked, client } = await gatewayThat(answering(status, no));
    await expect(client.capture(call())).rejects.toThrow(`The payment gateway answered ${status} no: No.`);
    await expect(client.refund(call())).rejects.toThrow(`The payment gateway answered ${status} no: No.`);
    expect(asked).toHaveLength(2);
  });

  it('is declined with 402 alone', async () => {
    const { client } = await gatewayThat(answering(402, no));
    const declined = { is: 'declined', code: 'no', message: 'No.' };
    expect(await client.authorize({ ...call(), amount, method: 'tok_ok' })).toEqual(declined);
    expect(await client.capture(call())).toEqual(declined);
    expect(await client.refund(call())).toEqual(declined);
    await expect(client.void(call())).rejects.toThrow('402');
  });

  it('is looked up if it does not go with how the payment is', async () => {
    const found = async (what: (typeof changes)[number], status: string) => {
      const { client } = await gatewayThat(answering(409, no), answering(200, { status }));
      const { is } = await client[what](call());
      return is;
    };
    expect(await found('capture', 'captured')).toBe('captured');
    expect(await found('capture', 'voided')).toBe('declined');
    expect(await found('capture', 'authorized')).toBe('uncertain');
    expect(await found('void', 'captured')).toBe('captured');
    expect(await found('void', 'voided')).toBe('voided');
    expect(await found('refund', 'refunded')).toBe('refunded');
    expect(await found('refund', 'captured')).toBe('uncertain');
    const { client } = await gatewayThat(answering(409, no));
    expect(await client.authorize({ ...call(), amount, method: 'tok_ok' })).toMatchObject({ is: 'uncertain' });
  });

  it.each([400, 422])('is looked up if an authorisation makes no sense: %i', async (status) => {
    const authorized = async (...then: RequestListener[]) => {
      const { asked, client } = await gatewayThat(answering(status, no), ...then);
      const { is } = await client.authorize({ ...call(), amount, method: 'tok_ok' });
      return { is, asked: asked.map(({ path }) => path.split('/')[4]).slice(2) };
    };
    const unknown = answering(404, no);
    expect(await authorized(answering(200, { status: 'authorized' }))).toEqual({ is: 'authorized', asked: [] });
    expect(await authorized(answering(200, { status: 'declined' }))).toEqual({ is: 'declined', asked: [] });
    expect(await authorized(answering(200, { status: 'pending' }))).toEqual({ is: 'uncertain', asked: [] });
    // Then one that is still on its way comes too late.
    const voided = { is: 'declined', asked: ['void'] };
    expect(await authorized(unknown, answering(200, { status: 'voided' }))).toEqual(voided);
    expect(await authorized(unknown, unknown)).toEqual(voided);
    expect((await authorized(unknown, answering(503, {}))).is).toBe('uncertain');
  });

  it('is nothing to void if the payment is not known, and a wrong address if nothing is said of it', async () => {
    const { client } = await gatewayThat(answering(404, no));
    expect(await client.void(call())).toEqual({ is: 'voided' });
    const { client: lost } = await gatewayThat(answering(404, '<html>'));
    await expect(lost.void(call())).rejects.toThrow('The payment gateway answered 404');
    await expect(lost.lookup(call())).rejects.toThrow('The payment gateway answered 404');
  });
});

describe('what the gateway says', () => {
  const bodies = [
    ...['authorized', 'captured', 'voided', 'refunded', 'declined', 'pending', 'CAPTURED', '', 5, null].map(
      (status) => ({ status }),
    ),
    {},
    [],
    null,
    'captured',
    { error: { code: 'no', message: 'No.' } },
  ];
  it.each(bodies)('is believed where it was asked for: %j', async (body) => {
    const status = (body as { status?: unknown } | null)?.status;
    const means = (meanings: Readonly<Record<string, string>>) => meanings[String(status)] ?? 'uncertain';
    for (const http of [200, 202]) {
      const { client } = await gatewayThat(answering(http, JSON.stringify(body)));
      const said = {
        authorize: (await client.authorize({ ...call(), amount, method: 'tok_ok' })).is,
        capture: (await client.capture(call())).is,
        void: (await client.void(call())).is,
        refund: (await client.refund(call())).is,
      };
      expect(said).toEqual({
        authorize: means({ authorized: 'authorized', declined: 'declined' }),
        capture: means({ captured: 'captured', declined: 'declined' }),
        void: means({ voided: 'voided', declined: 'voided', refunded: 'voided', captured: 'captured' }),
        refund: means({ refunded: 'refunded', declined: 'declined' }),
      });
    }
  });

  it.each([300, 302, 304, 408, 425])('is not certain with %i', async (status) => {
    const { client } = await gatewayThat((_, response) => {
      response.writeHead(status, { location: '/' }).end(status === 304 ? undefined : '{"status":"captured"}');
    });
    expect(await client.capture(call())).toMatchObject({ is: 'uncertain' });
  });

  it.each([
    [{ code: 5, message: {} }, 'http_402', 'The gateway answered 402.'],
    [{ code: 'no\0', message: '\0N\0o.' }, 'no', 'No.'],
    [{ code: '', message: ' \0 ' }, 'http_402', 'The gateway answered 402.'],
    [{ code: 'c'.repeat(1000), message: 'm'.repeat(1000) }, 'c'.repeat(100), 'm'.repeat(300)],
    [{ code: '\ud800', message: `${'m'.repeat(299)}\u{1f4b3}` }, '\ufffd', `${'m'.repeat(299)}\ufffd`],
    ['no', 'http_402', 'The gateway answered 402.'],
    [null, 'http_402', 'The gateway answered 402.'],
  ])('can be stored: %j', async (error, code, message) => {
    const { client } = await gatewayThat(answering(402, { error }));
    expect(await client.capture(call())).toEqual({ is: 'declined', code, message });
  });

  it('is read as far as an answer may be long', async () => {
    const { client } = await gatewayThat(answering(200, { status: 'captured', more: 'm'.repeat(70_000) }));
    expect(await client.capture(call())).toEqual({ is: 'uncertain', reason: 'What it answered is too long.' });
    const { client: endless } = await gatewayThat((_, response) => {
      const write = () => {
        while (!response.destroyed && response.write('m'.repeat(1000)));
      };
      response.writeHead(402).on('drain', write);
      write();
    });
    expect(await endless.capture(call())).toEqual({ is: 'uncertain', reason: 'What it answered is too long.' });
  });
});
