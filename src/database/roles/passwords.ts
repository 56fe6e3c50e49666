import { createHash, createHmac, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { readTarget } from '../connection-string/target.ts';
import { saltedPassword } from '../link/salted-passwords.ts';

const stretch = promisify<string, string, number, Buffer>(scrypt);
/** Postgres' default. */
const ITERATIONS = 4096;

/** Keys of the secrets that were used: stretching is slow on purpose. */
const keys = new Map<string, Promise<Buffer>>();

/**
 * The password of a role, the same on every server with the same secret, so that servers need not communicate. Finding
 * the secret from it takes unreasonably long, unless the secret is easily guessed.
 */
export async function passwordOf(role: string, secret: string): Promise<string> {
  return (await derived(role, secret)).toString('base64url');
}

/**
 * The key with which servers hash what they tell each other of one store. Like the passwords, it is the same on every server
 * with the same secret. It cannot be found from the password of a role.
 */
export async function notificationKeyOf(epoch: string, secret: string): Promise<Buffer> {
  return derived(`notifications of ${epoch}`, secret);
}

async function derived(purpose: string, secret: string): Promise<Buffer> {
  const key = keys.get(secret) ?? stretch(secret, 'afterwrite roles', 32);
  keys.set(secret, key);
  return createHmac('sha256', await key)
    .update(purpose)
    .digest();
}

/**
 * A password in the form that Postgres stores (RFC 5803), so that the password itself is in no statement and in no log.
 */
export async function scramVerifier(password: string): Promise<string> {
  const salt = randomBytes(16);
  const salted = await saltedPassword(password, salt, ITERATIONS);
  const mac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(mac('Client Key')).digest('base64');
  const server = mac('Server Key').toString('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored}:${server}`;
}

/** The password of a URL, or from the environment or a password file; undefined if there is none. */
export function passwordIn(url: string): string | undefined {
  return readTarget(url).servers[0].password;
}
