import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIP, type Socket } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import {
  type ConnectionOptions,
  checkServerIdentity,
  getCACertificates,
  type SecureVersion,
  connect as tlsConnect,
} from 'node:tls';
import type { ServerAddress, TlsTarget } from '../connection-string/target.ts';
import { linkError } from './errors.ts';
import { readBytes } from './messages.ts';

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const YES = 0x53;
const NO = 0x4e;

/** TLS could not be established. */
export class TlsError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'TlsError';
    this.code = code;
  }
}

/**
 * Encrypts an open, unused connection.
 *
 * @param isOptional whether to continue without encryption if the server does not support it.
 * @returns the encrypted socket, or the same one.
 */
export async function secure(
  socket: Socket,
  server: ServerAddress,
  tls: TlsTarget,
  isOptional: boolean,
  signal: AbortSignal,
): Promise<Socket> {
  const options = await tlsOptions(server, tls);
  if (!tls.isDirect) {
    socket.write(SSL_REQUEST);
    const answer = await readBytes(socket, signal);
    // If more than one byte has arrived, somebody has inserted data before the encryption began.
    if (answer.length !== 1 || (answer[0] !== YES && answer[0] !== NO)) {
      throw linkError(
        'TLS_REFUSED',
        'the server is not Postgres, or something between here and there changes its answers',
      );
    }
    if (answer[0] === NO) {
      if (isOptional) return socket;
      throw new TlsError('TLS_REFUSED', `the server does not use TLS, and sslmode=${tls.mode} demands it`);
    }
  }
  const encrypted = tlsConnect({ ...options, socket });
  try {
    await once(encrypted, 'secureConnect', { signal });
  } catch (cause) {
    encrypted.destroy();
    if (signal.aborted) throw cause;
    const { code = 'TLS_FAILED', message } = cause as NodeJS.ErrnoException;
    throw new TlsError(code, `TLS (sslmode=${tls.mode}) failed: ${message}`);
  }
  return encrypted;
}

async function tlsOptions({ host }: ServerAddress, tls: TlsTarget): Promise<ConnectionOptions> {
  const ca = await authoritiesOf(tls);
  const isNamed = tls.mode === 'verify-full';
  return {
    rejectUnauthorized: ca !== undefined,
    ...(ca === undefined ? {} : { ca }),
    // The host name of the connection string counts, even if `hostaddr` leads elsewhere.
    checkServerIdentity: (_, certificate) => (isNamed ? checkServerIdentity(host, certificate) : undefined),
    ...(isIP(host) === 0 && tls.sendsName ? { servername: host } : {}),
    ...(tls.isDirect ? { ALPNProtocols: ['postgresql'] } : {}),
    ...(tls.cert === undefined ? {} : { cert: await read('sslcert', tls.cert) }),
    ...(tls.key === undefined ? {} : { key: await read('sslkey', tls.key) }),
    ...(tls.keyPassword === undefined ? {} : { passphrase: tls.keyPassword }),
    ...(tls.revocationList === undefined ? {} : { crl: await read('sslcrl', tls.revocationList) }),
    ...(tls.oldest === undefined ? {} : { minVersion: tls.oldest as SecureVersion }),
    ...(tls.newest === undefined ? {} : { maxVersion: tls.newest as SecureVersion }),
  };
}

/** The authorities that may sign the server's certificate; undefined if it is not checked. */
async function authoritiesOf({ mode, rootCert }: TlsTarget): Promise<string | string[] | undefined> {
  if (rootCert === 'system') return [...getCACertificates('system'), ...getCACertificates('extra')];
  const isChecked = mode === 'verify-ca' || mode === 'verify-full';
  // As in libpq, `require` with a file of certificates checks against it.
  if (rootCert !== undefined) return isChecked || mode === 'require' ? read('sslrootcert', rootCert) : undefined;
  if (!isChecked) return undefined;
  const usual = join(homedir(), '.postgresql', 'root.crt');
  if (existsSync(usual)) return read('sslrootcert', usual);
  throw linkError(
    'TLS_NO_ROOT',
    `sslmode=${mode} needs trusted certificates: name a file with sslrootcert, or write sslrootcert=system`,
  );
}

async function read(parameter: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw linkError('TLS_FILE', `the file of ${parameter} cannot be read (${code}): ${path}`, { cause });
  }
}
