import { expect, it } from 'vitest';
import { createHostGuard } from '../../../src/server/http/hosts.ts';
import { readConfig } from '../../../src/settings/config.ts';

const refuses = (env: NodeJS.ProcessEnv, host: string | undefined) =>
  createHostGuard(readConfig(env))(host) !== undefined;

it.each([
  ...['localhost', 'localhost:4000', 'LOCALHOST', 'shop.localhost:4000', '127.0.0.1:4000', '[::1]:4000', '[::1]'],
])('serves %s without authentication', (host) => {
  expect(refuses({}, host)).toBe(false);
});

it.each([
  ...['evil.example', 'evil.example:4000', 'localhost.evil.example', 'evillocalhost', '192.168.1.2:4000', '0.0.0.0'],
  ...['localhost@evil.example', 'evil.example#localhost', 'evil.example/.localhost', '[evil]', ':4000', '', undefined],
])('refuses %s without authentication', (host) => {
  expect(refuses({}, host)).toBe(true);
});

it('serves the names that HOST and CORS_ORIGINS have', () => {
  const env = { HOST: 'dev.internal', CORS_ORIGINS: 'https://shop.example:8443,http://[fd00::1]' };
  for (const host of ['Dev.Internal:4000', 'shop.example', 'localhost', '[fd00::1]:4000']) {
    expect(refuses(env, host)).toBe(false);
  }
  expect(refuses(env, 'evil.example')).toBe(true);
  expect(refuses({ HOST: 'fd00::2' }, '[fd00::2]:4000')).toBe(false);
});

it.each(['0.0.0.0', '::'])('serves any address, though not any name, if HOST is %s', (HOST) => {
  for (const host of ['192.168.1.2:4000', '[fd00::1]:4000']) expect(refuses({ HOST }, host)).toBe(false);
  expect(refuses({ HOST }, 'evil.example')).toBe(true);
});

it('serves every name if tokens are checked', () => {
  const env = { AUTH_JWT_SECRET: 'a secret of more than thirty-two bytes' };
  for (const host of ['evil.example', undefined]) expect(refuses(env, host)).toBe(false);
});
