import { createHmac } from 'node:crypto';
import type { Subject } from '../define/personal/subject.ts';
import type { Keyring } from './keyring.ts';

/**
 * The keyring as one tenant uses it. Tenants may have subjects of the same name: the keys of one are not those of the other, and
 * erasing one leaves the other as it is. Rotations are of the whole keyring.
 */
export function keyringOfTenant(keyring: Keyring, tenant: string): Keyring {
  // No tenant's name has a colon.
  const own = (subject: Subject) => `${tenant}:${subject}` as Subject;
  return {
    id: keyring.id,
    hashKey: createHmac('sha256', keyring.hashKey).update(tenant).digest(),
    wrap: (subject, key) => keyring.wrap(own(subject), key),
    unwrap: (subject, wrapped) => keyring.unwrap(own(subject), wrapped),
    isErased: (subject) => keyring.isErased(own(subject)),
    erase: (subject) => keyring.erase(own(subject), tenant),
    rotate: (options) => keyring.rotate(options),
    isNewest: (wrapped) => keyring.isNewest(wrapped),
    refresh: () => keyring.refresh(),
    generations: () => keyring.generations(),
    isNewer: (wrapped) => keyring.isNewer(wrapped),
    erasures: () => keyring.erasures(),
    mayHaveErased: (known) => keyring.mayHaveErased(known, tenant),
  };
}
