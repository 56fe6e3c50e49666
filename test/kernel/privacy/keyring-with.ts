import type { Keyring } from '../../../src/kernel/privacy/keyring.ts';

/** A keyring that does some things in another way. */
export function keyringWith(keyring: Keyring, other: Partial<Keyring>): Keyring {
  return {
    id: keyring.id,
    hashKey: keyring.hashKey,
    wrap: (subject, key) => keyring.wrap(subject, key),
    unwrap: (subject, wrapped) => keyring.unwrap(subject, wrapped),
    isErased: (subject) => keyring.isErased(subject),
    erase: (subject, tenant) => keyring.erase(subject, tenant),
    rotate: (options) => keyring.rotate(options),
    isNewest: (wrapped) => keyring.isNewest(wrapped),
    generations: () => keyring.generations(),
    isNewer: (wrapped) => keyring.isNewer(wrapped),
    refresh: () => keyring.refresh(),
    erasures: () => keyring.erasures(),
    mayHaveErased: (known, tenant) => keyring.mayHaveErased(known, tenant),
    ...other,
  };
}
