import { describe, expect, it } from 'vitest';
import { useApp } from '../../support/server/app.ts';

describe('the page of GraphiQL', () => {
  const app = useApp();
  const off = useApp({ env: { GRAPHIQL: 'off' } });

  const open = (url: string) => fetch(`${url}/graphql`, { headers: { accept: 'text/html,*/*;q=0.8' } });

  /** The files that the page names, in elements and for its workers. */
  async function filesOf(page: Response): Promise<string[]> {
    const html = (await page.text()).replaceAll('&amp;', '&');
    return [...html.matchAll(/"(\?graphiql=[^"]+)"/g)].map(([, file]) => file ?? '');
  }

  it('may load, and talk to, nothing but the server that it came from', async () => {
    const page = await open(app.url);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = page.headers.get('content-security-policy') ?? '';
    const allowed = policy.split('; ').flatMap((directive) => directive.split(' ').slice(1));
    // 'self' covers WebSockets too, so that nothing of the policy comes from the Host header.
    expect(new Set(allowed)).toEqual(new Set(["'none'", "'self'", "'unsafe-inline'", 'data:']));
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
  });

  it('has all of its files here, for browsers to keep, compressed if they take it', async () => {
    const files = await filesOf(await open(app.url));
    expect(files).toHaveLength(8);
    for (const file of files) {
      const plain = await fetch(`${app.url}/graphql${file}`, { headers: { 'accept-encoding': 'identity' } });
      expect([file, plain.status, plain.headers.get('content-encoding')]).toEqual([file, 200, null]);
      expect(plain.headers.get('content-type')).toMatch(/^text\/(javascript|css); charset=utf-8$/);
      expect(plain.headers.get('cache-control')).toContain('immutable');
      const packed = await fetch(`${app.url}/graphql${file}`, { headers: { 'accept-encoding': 'gzip' } });
      expect(packed.headers.get('content-encoding')).toBe('gzip');
      expect(await packed.text()).toBe(await plain.text());
    }
  });

  it('has no files but its own', async () => {
    const { status } = await fetch(`${app.url}/graphql?graphiql=../graphiql.ts`);
    expect(status).toBe(404);
  });

  it('does not exist if it is turned off', async () => {
    const page = await open(off.url);
    expect(page.headers.get('content-security-policy')).toBeNull();
    expect(await page.text()).not.toContain('<html');
  });
});
