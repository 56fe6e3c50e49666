import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, it } from 'vitest';
import { useApp } from '../../support/app.ts';
import { expectRequestError } from '../../support/refusals.ts';
import { WITH_AUTH } from '../../support/tokens.ts';

const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

it.each([
  [
    'authentication',
    { PAYMENT_GATEWAY_URL: 'local' },
    /^[^\n]*AUTH_JWT_SECRET or AUTH_JWKS_URL must be set where NODE_ENV is production\.\n$/,
  ],
  [
    'a payment gateway',
    WITH_AUTH,
    /^[^\n]*PAYMENT_GATEWAY_URL must be set where NODE_ENV is production; the value local [^\n]*\n$/,
  ],
])('does not start in production without %s, and says so in one line', async (_, settings, words) => {
  const production = { NODE_ENV: 'production', PORT: '0', DATABASE_URL: inject('serverUrl') };
  const env = { PATH: process.env.PATH, ...production, ...settings };
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  const [code] = await once(child, 'close');
  expect(code).toBe(1);
  expect(said).toMatch(words);
});

describe('in production', () => {
  const app = useApp({ env: { NODE_ENV: 'production', PAYMENT_GATEWAY_URL: 'local', ...WITH_AUTH } });

  it('a gateway that takes no money is worth a warning', () => {
    const entries = app.log.map((line) => JSON.parse(line) as { level: string; msg: string });
    expect(entries.find(({ msg }) => msg.startsWith('payments go to a local gateway'))?.level).toBe('warn');
  });

  it('the schema is not to be had, and GraphiQL is not served', async () => {
    expectRequestError(await app.query('{ __schema { types { name } } }'), 'BAD_USER_INPUT');
    const page = await app.send({ method: 'GET' }, { headers: { accept: 'text/html,*/*' } });
    expect(page.headers.get('content-type')).not.toContain('html');
    expectRequestError(page, 'BAD_USER_INPUT');
  });
});
