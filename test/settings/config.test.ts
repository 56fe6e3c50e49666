import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import app from '../../src/app.ts';
import { ConfigError, readConfig as readSettings, settingsWith } from '../../src/settings/config.ts';

const SECRET = 'a secret of more than thirty-two bytes';

const settings = settingsWith(app.settings);
const readConfig = (env: NodeJS.ProcessEnv) => readSettings(env, app.settings);

function problemsOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('readConfig', () => {
  it('needs no environment at all', () => {
    expect(readConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 4000,
      nodeEnv: 'development',
      logLevel: 'info',
      databaseUrl: undefined,
      dataDir: resolve('.afterwrite'),
      authRolesClaim: 'roles',
      authTenantClaim: 'tenant',
      corsOrigins: [],
      graphiql: true,
      introspection: true,
      maxBodyBytes: 2_097_152,
      shutdownTimeoutMs: 10_000,
    });
  });

  it('takes each value from its variable', () => {
    const env = {
      HOST: '0.0.0.0',
      PORT: ' 0 ',
      DATABASE_URL: 'postgresql://user:password@one:5432,two:5432/shop',
      DATA_DIR: '/var/lib/shop',
      LOG_LEVEL: 'warn',
      GRAPHIQL: 'off',
      CORS_ORIGINS: 'https://shop.example, http://localhost:3000',
      WRITER_CONNECTIONS: '8',
    };
    expect(readConfig(env)).toMatchObject({
      host: '0.0.0.0',
      port: 0,
      databaseUrl: 'postgresql://user:password@one:5432,two:5432/shop',
      dataDir: '/var/lib/shop',
      logLevel: 'warn',
      graphiql: false,
      introspection: true,
      corsOrigins: ['https://shop.example', 'http://localhost:3000'],
      writerConnections: 8,
    });
  });

  it('takes one server to read from, and no list of them', () => {
    const one = 'postgres://user:pass,word@replica:5432/shop?application_name=a,b';
    expect(readConfig({ READ_DATABASE_URL: one }).readDatabaseUrl).toBe(one);
    expect(problemsOf({ READ_DATABASE_URL: 'postgres://user:secret@one:5432,two:5432/shop' })).toEqual([
      'READ_DATABASE_URL must name one server, because the positions of read models differ between replicas.',
    ]);
    expect(problemsOf({ READ_DATABASE_URL: 'replica' })).toEqual([
      'READ_DATABASE_URL must be a postgres:// or postgresql:// URL.',
    ]);
  });

  it('counts empty and blank variables as unset', () => {
    const blank = Object.fromEntries(settings.map(({ name }, index) => [name, index % 2 === 0 ? '' : '  ']));
    expect(readConfig(blank)).toEqual(readConfig({}));
  });

  it('keeps the shared secret exactly as it was given', () => {
    expect(readConfig({ AUTH_JWT_SECRET: ` ${SECRET}\n` }).authJwtSecret).toBe(` ${SECRET}\n`);
  });

  it('cannot be changed afterwards', () => {
    expect(Object.isFrozen(readConfig({}))).toBe(true);
  });

  it('hides GraphiQL and the schema in production unless told otherwise', () => {
    const production = { NODE_ENV: 'production', AUTH_JWT_SECRET: SECRET };
    expect(readConfig(production)).toMatchObject({ graphiql: false, introspection: false });
    expect(readConfig({ ...production, GRAPHIQL: 'on' })).toMatchObject({ graphiql: true, introspection: false });
  });

  it('names every bad setting at once, one line each', () => {
    const env = { PORT: 'http', LOG_LEVEL: 'loud', DATABASE_URL: 'mysql://user:password@host/db', MAX_WAITERS: '0' };
    expect(() => readConfig(env)).toThrow(
      new ConfigError([
        'PORT must be a whole number from 0 to 65535, but is "http".',
        'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent, but is "loud".',
        'DATABASE_URL must be a postgres:// or postgresql:// URL.',
        'MAX_WAITERS must be a whole number from 1 to 1000000000, but is "0".',
      ]),
    );
    expect(new ConfigError(problemsOf(env))).toMatchObject({ code: 'BAD_CONFIG', name: 'ConfigError' });
    expect(new ConfigError(problemsOf(env)).message.split('\n')).toHaveLength(5);
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '0x10'],
    ['PORT', '1e3'],
    ['PORT', '80.5'],
    ['NODE_ENV', 'prod'],
    ['GRAPHIQL', 'yes'],
    ['AUTH_JWKS_URL', 'file:///keys.json'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'https://shop.example/'],
    ['CORS_ORIGINS', 'https://shop.example,shop.example'],
    ['MAX_BODY_BYTES', '2MB'],
  ])('refuses %s=%s', (name, value) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name} must be `));
  });

  it('never repeats a secret in an error', () => {
    const problems = problemsOf({ AUTH_JWT_SECRET: 'hunter2', DATABASE_URL: 'hunter2' });
    expect(problems).toHaveLength(2);
    expect(problems.join()).not.toContain('hunter2');
  });

  it('measures the shared secret in bytes', () => {
    expect(problemsOf({ AUTH_JWT_SECRET: 'x'.repeat(31) })).toEqual([
      'AUTH_JWT_SECRET must be at least 32 bytes long.',
    ]);
    expect(problemsOf({ AUTH_JWT_SECRET: 'é'.repeat(16) })).toEqual([]);
  });

  it('refuses to run in production without authentication', () => {
    expect(problemsOf({ NODE_ENV: 'production' })).toEqual([
      'AUTH_JWT_SECRET or AUTH_JWKS_URL must be set where NODE_ENV is production.',
    ]);
    const jwks = { AUTH_JWKS_URL: 'https://id.example/jwks.json' };
    expect(problemsOf({ NODE_ENV: 'production', ...jwks })).toEqual([]);
  });

  it('takes for a payment gateway an address, or a local one', () => {
    expect(readConfig({ PAYMENT_GATEWAY_URL: 'local' }).paymentGatewayUrl).toBe('local');
    expect(problemsOf({ PAYMENT_GATEWAY_URL: 'remote' })).toEqual([
      'PAYMENT_GATEWAY_URL must be an http:// or https:// URL, or local, but is "remote".',
    ]);
  });

  it('refuses two ways of authentication at once', () => {
    const problems = problemsOf({ AUTH_JWT_SECRET: SECRET, AUTH_JWKS_URL: 'https://id.example/jwks.json' });
    expect(problems).toEqual([expect.stringContaining('exclude each other')]);
  });

  it('refuses checks on tokens that would never be made', () => {
    expect(problemsOf({ AUTH_ISSUER: 'https://id.example' })).toEqual([
      expect.stringMatching(/^AUTH_ISSUER checks nothing/),
    ]);
    expect(problemsOf({ AUTH_AUDIENCE: 'shop' })).toEqual([expect.stringMatching(/^AUTH_AUDIENCE checks nothing/)]);
  });
});

describe('settings', () => {
  it('lists every variable once, with a sentence about it', () => {
    expect(new Set(settings.map(({ name }) => name)).size).toBe(settings.length);
    expect(settings).toHaveLength(Object.keys(readConfig({})).length);
    for (const { name, description } of settings) expect(description, name).toMatch(/^[A-Z].*\.$/);
  });

  it('has defaults that are themselves accepted', () => {
    const defaults = settings.map((setting) => [setting.name, setting.default]);
    expect(readConfig(Object.fromEntries(defaults))).toEqual(readConfig({}));
  });

  it('marks what must not be shown', () => {
    const secret = settings.filter((setting) => setting.secret).map(({ name }) => name);
    expect(secret).toEqual([
      'DATABASE_URL',
      'READ_DATABASE_URL',
      'WRITER_DATABASE_URL',
      'PROJECTOR_DATABASE_URL',
      'READER_DATABASE_URL',
      'DATABASE_ROLE_SECRET',
      'KEYRING_URL',
      'TENANT_DATABASE_URL',
      'AUTH_JWT_SECRET',
      'LIMITS_REDIS_URL',
      'AUDIT_KEY',
      'AUDIT_WITNESS',
      'PAYMENT_GATEWAY_KEY',
    ]);
  });
});
