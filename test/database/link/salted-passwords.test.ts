import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { saltedPassword } from '../../../src/database/link/salted-passwords.ts';

it('is that of the example in RFC 7677', async () => {
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
  const salted = await saltedPassword('pencil', salt, 4096);
  expect(salted.toString('hex')).toBe('c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d');
});

it('is computed once for all connections of a user', () => {
  const salt = randomBytes(16);
  const first = saltedPassword('pencil', salt, 2);
  expect(saltedPassword('pencil', Buffer.from(salt), 2)).toBe(first);
});

it('is another one with another password, salt or number of iterations', async () => {
  const salt = randomBytes(16);
  const all = await Promise.all([
    saltedPassword('pencil', salt, 2),
    saltedPassword('pencils', salt, 2),
    saltedPassword('pencil', randomBytes(16), 2),
    saltedPassword('pencil', salt, 3),
  ]);
  expect(new Set(all.map((each) => each.toString('hex'))).size).toBe(4);
});

it('is forgotten if many others were needed since, so that a server that invents salts takes no memory', () => {
  const salt = randomBytes(16);
  const first = saltedPassword('pencil', salt, 1);
  for (let n = 0; n < 100; n++) saltedPassword('pencil', randomBytes(16), 1);
  expect(saltedPassword('pencil', salt, 1)).not.toBe(first);
});
