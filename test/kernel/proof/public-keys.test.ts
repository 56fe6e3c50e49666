import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { readPublicKeys } from '../../../src/kernel/proof/public-keys.ts';
import { keyIdOf } from '../../../src/kernel/proof/signed-head.ts';

const pemOf = (kind: 'ed25519' | 'x25519') =>
  generateKeyPairSync(kind as 'ed25519', {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });

it('reads all public keys of a file, with whatever is around them', () => {
  const [one, other] = [pemOf('ed25519'), pemOf('ed25519')];
  const keys = readPublicKeys(`since 2026\n${one.publicKey}\nuntil 2026\n${other.publicKey}`);
  expect(keys.size).toBe(2);
  for (const [id, key] of keys) expect(keyIdOf(key)).toBe(id);
});

it('takes no file without a public key: an auditor never needs the private one', () => {
  expect(() => readPublicKeys('')).toThrow('There is no public key in it');
  expect(() => readPublicKeys(pemOf('ed25519').privateKey)).toThrow('There is no public key in it');
});

it('takes no key of another kind, and none that is damaged', () => {
  expect(() => readPublicKeys(pemOf('x25519').publicKey)).toThrow('is of the kind x25519');
  const damaged = pemOf('ed25519').publicKey.replace(/\n[A-Za-z0-9+/]{8}/, '\n');
  expect(() => readPublicKeys(damaged)).toThrow('cannot be read');
});
