import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PARAMETERS } from '../../../src/database/connection-string/parameters.ts';
import { problemOfUrl, readTarget } from '../../../src/database/connection-string/target.ts';
import { readConfig } from '../../../src/settings/config.ts';

const NOWHERE = {};
const read = (url: string, environment: Record<string, string> = NOWHERE) => readTarget(url, environment);
const placesOf = (url: string) => read(url).servers.map(({ host, port }) => [host, port]);

describe('a connection string', () => {
  it.each([
    ['postgres://ada@db/shop', [['db', 5432]]],
    ['postgresql://db:6432/shop', [['db', 6432]]],
    ['postgres:///shop', [['localhost', 5432]]],
    [
      'postgres://one:1,two:2/shop',
      [
        ['one', 1],
        ['two', 2],
      ],
    ],
    [
      'postgres://one,two/shop?port=7',
      [
        ['one', 7],
        ['two', 7],
      ],
    ],
    [
      'postgres://[::1]:6432,[2001:db8::7]/shop',
      [
        ['::1', 6432],
        ['2001:db8::7', 5432],
      ],
    ],
    ['postgres://%2Fvar%2Frun%2Fpostgresql/shop', [['/var/run/postgresql', 5432]]],
    ['postgres:///shop?host=/var/run/postgresql&port=5433', [['/var/run/postgresql', 5433]]],
  ])('%s names its servers', (url, places) => {
    expect(placesOf(url)).toEqual(places);
  });

  it('decodes what is percent-encoded', () => {
    const target = read(
      'postgres://a%40b:p%3A%2F%25%20@db/my%20shop?options=-c%20geqo%3Doff&application_name=caf%C3%A9',
    );
    expect(target).toMatchObject({ user: 'a@b', database: 'my shop', options: '-c geqo=off', applicationName: 'café' });
    expect(target.servers[0].password).toBe('p:/% ');
  });

  it('takes an address to connect to beside the name that certificates have', () => {
    expect(read('postgres://db/shop?hostaddr=192.0.2.7').servers[0]).toMatchObject({
      host: 'db',
      address: '192.0.2.7',
    });
  });

  it('takes what it does not say from the environment, and what that does not say from defaults', () => {
    const environment = { PGHOST: 'db', PGPORT: '6432', PGUSER: 'ada', PGPASSWORD: 'secret', PGSSLMODE: 'require' };
    expect(read('postgres:///shop', environment)).toMatchObject({
      servers: [{ host: 'db', port: 6432, password: 'secret' }],
      ...{ user: 'ada', database: 'shop', connectTimeoutMs: 10_000, keepAliveS: 60, sessionAttributes: 'any' },
      tls: { mode: 'require' },
    });
    expect(read('postgres://bob@x:1/shop?sslmode=disable', environment)).toMatchObject({
      user: 'bob',
      tls: { mode: 'disable' },
    });
    expect(read('postgres://bob@x')).toMatchObject({
      database: 'bob',
      tls: { mode: 'prefer' },
      channelBinding: 'prefer',
    });
  });

  it('finds a password in a file that only its owner may read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'afterwrite-passfile-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, 'pass');
    await writeFile(path, '# others\nelse:*:*:*:no\ndb:5432:shop:a\\:b:wo\\:rd\n*:*:*:*:any\n', { mode: 0o600 });
    const passwordOf = (url: string) => read(url, { PGPASSFILE: path }).servers[0].password;
    expect(passwordOf('postgres://a%3Ab@db/shop')).toBe('wo:rd');
    expect(passwordOf('postgres://ada@db/shop')).toBe('any');
    await chmod(path, 0o644);
    expect(passwordOf('postgres://ada@db/shop')).toBeUndefined();
  });

  it('can be the one that Neon shows', () => {
    const url =
      'postgresql://ada:npg_x@ep-cool-1234-pooler.eu-central-1.aws.neon.tech/neondb?sslmode=require&channel_binding=require';
    expect(read(url)).toMatchObject({ channelBinding: 'require', tls: { mode: 'require' } });
  });

  it('trusts the certificates of the system only if it also compares the name', () => {
    expect(read('postgres://db/shop?sslrootcert=system').tls.mode).toBe('verify-full');
    expect(problemOfUrl('postgres://db/shop?sslrootcert=system&sslmode=require')).toContain(
      'write sslmode=verify-full',
    );
  });

  it.each([
    ['mysql://db/shop', 'must be a postgres:// or postgresql:// URL'],
    ['postgres://db/shop?sslmod=require', 'has the parameter sslmod, which connection strings of Postgres do not have'],
    [
      'postgres://db/shop?sslmode=yes',
      'has the parameter sslmode, which must be one of disable, allow, prefer, require',
    ],
    ['postgres://db/shop?gssencmode=require', 'has the parameter gssencmode, which cannot be used'],
    ['postgres://db/shop?service=shop', 'write what the service file says into the URL'],
    [
      'postgres://db/shop?pgbouncer=true',
      'has the parameter pgbouncer, which cannot be used: it is a parameter of Prisma',
    ],
    ['postgres://db/shop?client_encoding=LATIN1', 'sessions always use UTF8'],
    ['postgres://db/shop?connect_timeout=soon', 'has the parameter connect_timeout, which must be a whole number'],
    ['postgres://db:0/shop', 'from 1 to 65535'],
    ['postgres://db/shop?host=a,b&port=1,2,3', 'has 3 in port for 2 in host'],
    ['postgres://db/100%', 'write %25 for a %'],
    ['postgres://::1/shop', 'an IPv6 address stands in brackets'],
    ['postgres://db/shop?channel_binding=require&sslmode=disable', 'write sslmode=require'],
    ['postgres://db/shop?sslcert=/c', 'name the file of its key with sslkey'],
    ['postgres://db/shop?require_auth=scram-sha-256,!md5', 'either all with a ! before them or none'],
  ])('%s is refused, with what to write', (url, words) => {
    expect(problemOfUrl(url)).toContain(words);
  });

  it('is checked with the settings, without being repeated', () => {
    const refused = () => readConfig({ DATABASE_URL: 'postgres://ada:secret@db/shop?sslmod=require' });
    expect(refused).toThrow(/DATABASE_URL has the parameter sslmod, which/);
    expect(refused).not.toThrow(/secret/);
    expect(() => readConfig({ DATABASE_URL: 'postgres://db/shop?target_session_attrs=standby' })).toThrow(
      /write read-write/,
    );
  });
});

describe('the table of parameters', () => {
  it('takes every value that is said to be taken', () => {
    for (const [name, parameter] of Object.entries(PARAMETERS)) {
      const values =
        parameter.kind === 'refused' ? parameter.harmless : parameter.kind === 'supported' ? parameter.values : ['1'];
      for (const value of values ?? []) {
        const url = `postgres://db/shop?${name}=${value}`;
        expect(problemOfUrl(name === 'sslnegotiation' ? `${url}&sslmode=require` : url), url).toBeUndefined();
      }
    }
  });

  it('says of every parameter that is refused what to write', () => {
    for (const [name, parameter] of Object.entries(PARAMETERS)) {
      if (parameter.kind !== 'refused') continue;
      expect(problemOfUrl(`postgres://db/shop?${name}=other`), name).toBe(
        `has the parameter ${name}, which cannot be used: ${parameter.sentence}`,
      );
    }
  });
});
