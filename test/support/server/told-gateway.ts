import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { HttpPaymentGateway } from '../../../src/shop/payments/http-gateway.ts';

/** A gateway that gives prepared answers and records the requests. */
export function gatewayThat(...answers: RequestListener[]) {
  return gatewayWithin(5000, ...answers);
}

/** The same, and how long it is waited for, in ms. */
export async function gatewayWithin(timeoutMs: number, ...answers: RequestListener[]) {
  const asked: { key: string | undefined; authorization: string | undefined; path: string }[] = [];
  const server = createServer((request, response) => {
    const { authorization } = request.headers;
    asked.push({ key: request.headers['idempotency-key']?.toString(), authorization, path: request.url ?? '' });
    const answer = answers[Math.min(asked.length, answers.length) - 1];
    request.resume().on('end', () => answer?.(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  onTestFinished(close);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { asked, close, client: new HttpPaymentGateway({ url, apiKey: 'sk_test', timeoutMs, backoffMs: 5 }) };
}

export const answering =
  (status: number, body: unknown): RequestListener =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
