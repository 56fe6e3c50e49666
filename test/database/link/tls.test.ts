import { execFile } from 'node:child_process';
import { appendFile, chmod, chown, copyFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPool } from '../../../src/database/client.ts';
import { rootOf } from '../../../src/database/errors.ts';
import { PostgresServer } from '../../support/postgres/postgres-server.ts';
import { lacks } from '../../support/server/environment.ts';

const run = promisify(execFile);

describe.skipIf(lacks('openssl', 'pg_basebackup'))('a Postgres with TLS', () => {
  let folder = '';
  let server: PostgresServer;
  const file = (name: string) => join(folder, name);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'afterwrite-tls-'));
    await chmod(folder, 0o755);
    server = await PostgresServer.create(file('data'));
    await server.ask("create role ada login password 'pencil'");
    await server.stop();
    await authority('ca');
    await authority('other');
    await signed('server', 'localhost');
    await signed('bob', 'bob');
    const { uid, gid } = await stat(file('data'));
    for (const name of ['server.crt', 'server.key', 'ca.crt']) {
      await copyFile(file(name), file(`data/${name}`));
      await chown(file(`data/${name}`), uid, gid);
      await chmod(file(`data/${name}`), 0o600);
    }
    await appendFile(file('data/postgresql.conf'), "ssl = on\nssl_ca_file = 'ca.crt'\n");
    await writeFile(
      file('data/pg_hba.conf'),
      [
        ...['local all all trust', 'hostnossl all plain all trust', 'host all afterwrite all trust'],
        ...['hostssl all ada all scram-sha-256', 'hostssl all bob all cert', 'host all ada all reject'],
      ].join('\n'),
    );
    await server.start();
    await server.ask('create role bob login');
    await server.ask('create role plain login');
  });
  afterAll(async () => {
    await server?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  async function authority(name: string) {
    await run('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`],
      ...['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)],
    ]);
  }

  async function signed(name: string, common: string) {
    await run('openssl', [
      ...['req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${common}`],
      ...['-keyout', file(`${name}.key`), '-out', file(`${name}.csr`)],
    ]);
    await writeFile(file(`${name}.ext`), `subjectAltName=DNS:${common}\n`);
    await run('openssl', [
      ...[
        'x509',
        '-req',
        '-in',
        file(`${name}.csr`),
        '-CA',
        file('ca.crt'),
        '-CAkey',
        file('ca.key'),
        '-CAcreateserial',
      ],
      ...['-days', '2', '-extfile', file(`${name}.ext`), '-out', file(`${name}.crt`)],
    ]);
  }

  /** Whether the session is encrypted, or why there is none. */
  async function sessionOf(user: string, host: string, parameters: string): Promise<unknown> {
    const url = `${server.url().replace('afterwrite@127.0.0.1', `${user}@${host}`)}?${parameters}`;
    const pool = openPool({ url, connections: 1, applicationName: 'tls test' });
    try {
      const [row] = await pool.db.execute<{ ssl: boolean }>(
        sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`,
      );
      return row?.ssl;
    } catch (error) {
      return rootOf(error).code;
    } finally {
      await pool.close(0);
    }
  }

  it.each([
    ['disable', '', '28000'],
    ['allow', '', true],
    ['prefer', '', true],
    ['require', '', true],
    ['require', 'ca', true],
    ['require', 'other', 'SELF_SIGNED_CERT_IN_CHAIN'],
    ['verify-ca', 'ca', true],
    ['verify-full', 'ca', true],
    ['verify-full', 'other', 'SELF_SIGNED_CERT_IN_CHAIN'],
  ])('is reached with sslmode=%s and the authority "%s" as libpq does', async (mode, root, outcome) => {
    const rootCert = root === '' ? '' : `&sslrootcert=${encodeURIComponent(file(`${root}.crt`))}`;
    expect(await sessionOf('ada:pencil', 'localhost', `sslmode=${mode}${rootCert}`)).toBe(outcome);
  });

  it('has to have the name of the connection string for verify-full, and not for verify-ca', async () => {
    const root = `sslrootcert=${encodeURIComponent(file('ca.crt'))}`;
    expect(await sessionOf('ada:pencil', '127.0.0.1', `sslmode=verify-full&${root}`)).toBe(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    );
    expect(await sessionOf('ada:pencil', '127.0.0.1', `sslmode=verify-ca&${root}`)).toBe(true);
    expect(await sessionOf('ada:pencil', 'localhost', `sslmode=verify-full&${root}&hostaddr=127.0.0.1`)).toBe(true);
  });

  it('is not trusted by the certificates of the system', async () => {
    expect(await sessionOf('ada:pencil', 'localhost', 'sslrootcert=system')).toBe('SELF_SIGNED_CERT_IN_CHAIN');
  });

  it('binds the login to the channel', async () => {
    expect(await sessionOf('ada:pencil', 'localhost', 'sslmode=require&channel_binding=require')).toBe(true);
    expect(await sessionOf('ada:wrong', 'localhost', 'sslmode=require&channel_binding=require')).toBe('28P01');
    expect(await sessionOf('afterwrite', 'localhost', 'sslmode=require&channel_binding=require')).toBe(
      'CHANNEL_UNBOUND',
    );
    expect(await sessionOf('ada:pencil', 'localhost', 'sslmode=require&channel_binding=disable')).toBe(true);
  });

  it('takes a certificate of the client', async () => {
    const own = `sslcert=${encodeURIComponent(file('bob.crt'))}&sslkey=${encodeURIComponent(file('bob.key'))}`;
    expect(await sessionOf('bob', 'localhost', `sslmode=require&${own}`)).toBe(true);
    expect(await sessionOf('bob', 'localhost', 'sslmode=require')).toBe('28000');
  });

  it('is reached without TLS if it refuses TLS and sslmode allows that', async () => {
    expect(await sessionOf('plain', 'localhost', 'sslmode=prefer')).toBe(false);
    expect(await sessionOf('plain', 'localhost', 'sslmode=require')).toBe('28000');
  });

  it('is refused if it asks for a login that require_auth excludes', async () => {
    expect(await sessionOf('ada:pencil', 'localhost', 'require_auth=scram-sha-256')).toBe(true);
    expect(await sessionOf('ada:pencil', 'localhost', 'require_auth=md5')).toBe('LOGIN_REFUSED');
    expect(await sessionOf('afterwrite', 'localhost', 'require_auth=!none')).toBe('LOGIN_REFUSED');
  });
});
