import type { Attack } from '../../attack.ts';

const LANES = 200;
const HOST = 'Host: 127.0.0.1\r\n';
const JSON_HEAD = `POST /graphql HTTP/1.1\r\n${HOST}Content-Type: application/json\r\n`;
const BODY = JSON.stringify({ query: '{ __typename }' });
const sent = `Content-Length: ${BODY.length}\r\n\r\n${BODY}`;
const ranges = (type: string, times: number) =>
  Array.from({ length: times }, (_, n) => `${type}${n};q=0.${n}`).join(',');
const UPGRADE = `GET /graphql HTTP/1.1\r\n${HOST}Upgrade: websocket\r\nConnection: Upgrade\r\n`;

/** Requests whose heads take a server some thought, and upgrades that stop half way. */
const requests: readonly string[] = [
  `${JSON_HEAD}Accept: ${ranges('text/x', 900)}\r\n${sent}`,
  `${JSON_HEAD}Accept: ${'application/json;'.repeat(900)}\r\n${sent}`,
  `${JSON_HEAD}Accept: ${',;="'.repeat(3_800)}\r\n${sent}`,
  `${JSON_HEAD}Authorization: Bearer ${'a.'.repeat(7_500)}\r\n${sent}`,
  `${JSON_HEAD}Authorization: Bearer ${Buffer.from(`{"alg":${'['.repeat(5_000)}`).toString('base64url')}.e30.x\r\n${sent}`,
  `${JSON_HEAD}Read-After: ${`${'-'.repeat(36)},`.repeat(400)}\r\n${sent}`,
  `${JSON_HEAD}Traceparent: ${'0'.repeat(15_000)}\r\n${sent}`,
  `${JSON_HEAD}X-Request-Id: ${'\u00e9'.repeat(7_000)}\r\n${sent}`,
  `${JSON_HEAD}X-Forwarded-For: ${'198.51.100.1, '.repeat(1_000)}\r\n${sent}`,
  `OPTIONS /graphql HTTP/1.1\r\n${HOST}Origin: https://${'a.'.repeat(3_000)}example\r\nAccess-Control-Request-Headers: ${'x,'.repeat(4_000)}\r\n\r\n`,
  `HEAD /graphql?query=${encodeURIComponent('{__typename}')} HTTP/1.1\r\n${HOST}\r\n`,
  `TRACE /graphql HTTP/1.1\r\n${HOST}\r\n`,
  `CONNECT 127.0.0.1:1 HTTP/1.1\r\n${HOST}\r\n`,
  `GET /graphql?${'query=%7B&'.repeat(1_400)} HTTP/1.1\r\n${HOST}\r\n`,
  `GET /${'%'.repeat(15_000)} HTTP/1.1\r\n${HOST}\r\n`,
  `GET http://[::1 HTTP/1.1\r\n${HOST}\r\n`,
  `${UPGRADE}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n`,
  `${UPGRADE}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${'a,'.repeat(7_000)}\r\n\r\n`,
  `${UPGRADE}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: ${'permessage-deflate;a="b",'.repeat(600)}\r\n\r\n`,
  `${UPGRADE}Sec-WebSocket-Version: 13\r\n`,
];

export const oddHeads: Attack = {
  name: 'odd-heads',
  description: `sends requests with long and odd headers, methods and URLs, and upgrades that stop half way, ${LANES} at a time`,
  run: (attacker) =>
    attacker.repeat(LANES, 100_000, async (nth) => {
      const socket = attacker.connect();
      const settled = new Promise<string>((resolve) => {
        socket.once('data', (data) => resolve(/^HTTP\/1.1 (\d+)/.exec(String(data))?.[1] ?? 'noise'));
        socket.once('close', () => resolve('closed'));
        socket.setTimeout(1_000, () => resolve('no answer'));
        attacker.signal.addEventListener('abort', () => resolve('no answer'), { once: true });
      });
      socket.write(requests[nth % requests.length] as string);
      attacker.count(await settled);
      socket.destroy();
    }),
};
