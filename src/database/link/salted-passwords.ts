import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { LRUCache } from 'lru-cache';

const stretch = promisify(pbkdf2);

/** Most salted passwords that are kept. A server has one for each of its four users; a test's process many more. */
const KEPT = 100;

/** By everything that they are computed from. */
const kept = new LRUCache<string, Promise<Buffer>>({ max: KEPT });

/**
 * The salted password of SCRAM-SHA-256 (RFC 5802, `SaltedPassword`). To compute it takes a millisecond or more, on purpose.
 * Postgres has one salt for each user, so that the connections after the first can do without: the result is kept, as the RFC
 * suggests to clients.
 * @param password normalised.
 */
export function saltedPassword(password: string, salt: Buffer, iterations: number): Promise<Buffer> {
  const key = `${iterations}:${salt.toString('base64')}:${password}`;
  let salted = kept.get(key);
  if (!salted) {
    salted = stretch(password, salt, iterations, 32, 'sha256');
    kept.set(key, salted);
    salted.catch(() => kept.delete(key));
  }
  return salted;
}
