import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { WITH_AUTH } from '../../../support/client/tokens.ts';
import { type TestApp, useApp } from '../../../support/server/app.ts';
import { childEnvironment } from '../../../support/server/child-environment.ts';

const main = fileURLToPath(new URL('../../../../src/main.ts', import.meta.url));

it('does not start in production without authentication, and says so in one line', async () => {
  const env = { ...childEnvironment(), NODE_ENV: 'production', PORT: '0', DATABASE_URL: inject('serverUrl') };
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  const [code] = await once(child, 'close');
  expect(code).toBe(1);
  expect(said).toMatch(/^[^\n]*AUTH_JWT_SECRET or AUTH_JWKS_URL must be set where NODE_ENV is production\.\n$/);
});

describe('in production', () => {
  const app = useApp({ env: { NODE_ENV: 'production', ...WITH_AUTH } });
  const staging = useApp({ env: { NODE_ENV: 'production', PAYMENT_GATEWAY_URL: 'local', ...WITH_AUTH } });
  const warnings = ({ log }: TestApp) =>
    log.map((line) => JSON.parse(line) as { level: string; msg: string }).filter(({ level }) => level === 'warn');

  it('no order is taken for paid by a gateway that takes no money, unless that was asked for', () => {
    expect(warnings(app)).toMatchObject([{ msg: expect.stringMatching(/^no payments are made from here/) }]);
    expect(warnings(staging)).toMatchObject([{ msg: expect.stringMatching(/^payments go to a local gateway/) }]);
  });

  it('the schema is not to be had, and GraphiQL is not served', async () => {
    expectRequestError(await app.query('{ __schema { types { name } } }'), 'BAD_USER_INPUT');
    const page = await app.send({ method: 'GET' }, { headers: { accept: 'text/html,*/*' } });
    expect(page.headers.get('content-type')).not.toContain('html');
    expectRequestError(page, 'BAD_USER_INPUT');
  });
});
