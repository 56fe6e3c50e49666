import { describe, expect, it } from 'vitest';
import { useApp } from '../../support/app.ts';

const SHOP = 'https://shop.example';
const EVIL = 'https://evil.example';
const QUERY = '{ projections { name } }';
const crossOrigin = (headers: Headers) => [...headers.keys()].filter((name) => name.startsWith('access-control-'));
const preflight = (origin: string) => ({
  origin,
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'content-type, authorization, read-after, x-correlation-id, traceparent',
});

describe('by default', () => {
  const app = useApp();

  it('no page of another site may call the server', async () => {
    for (const origin of [SHOP, 'null', 'http://localhost:3000']) {
      const answer = await app.query(QUERY, {}, { headers: { origin } });
      expect(crossOrigin(answer.headers)).toEqual([]);
      const asked = await app.send({ method: 'OPTIONS' }, { headers: preflight(origin) });
      expect(crossOrigin(asked.headers)).toEqual([]);
    }
  });
});

describe('with CORS_ORIGINS', () => {
  const app = useApp({ env: { CORS_ORIGINS: `${SHOP}, https://app.example` } });

  it('pages of these sites may, and read the token that comes in the header', async () => {
    const asked = await app.send({ method: 'OPTIONS' }, { headers: preflight(SHOP) });
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe(SHOP);
    expect(asked.headers.get('access-control-allow-methods')).toContain('POST');
    for (const name of ['content-type', 'authorization', 'read-after', 'x-correlation-id', 'traceparent']) {
      expect(asked.headers.get('access-control-allow-headers')).toContain(name);
    }
    const answer = await app.query(QUERY, {}, { headers: { origin: SHOP } });
    expect(answer.headers.get('access-control-allow-origin')).toBe(SHOP);
    expect(answer.headers.get('access-control-expose-headers')).toContain('consistency-token');
    expect(answer.headers.get('vary')?.toLowerCase()).toContain('origin');
  });

  it('pages of other sites may not', async () => {
    for (const origin of [EVIL, 'https://shop.example.evil.example', 'null', 'http://shop.example']) {
      const answer = await app.query(QUERY, {}, { headers: { origin } });
      expect(crossOrigin(answer.headers)).toEqual([]);
      const asked = await app.send({ method: 'OPTIONS' }, { headers: preflight(origin) });
      expect(crossOrigin(asked.headers)).toEqual([]);
    }
  });
});
