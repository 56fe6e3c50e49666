import { createPublicKey, type KeyObject } from 'node:crypto';
import { keyIdOf } from './signed-head.ts';

const BLOCK = /-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----/g;

/** The text has no public key of the kind that signs heads. */
export class PublicKeyError extends Error {
  readonly code = 'BAD_PUBLIC_KEY';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PublicKeyError';
  }
}

/**
 * The public keys of a text in PEM, by their ids. After a change of the key it has the former ones too.
 * @throws {PublicKeyError} if there is none, or one is not Ed25519.
 */
export function readPublicKeys(pem: string): Map<string, KeyObject> {
  const blocks = pem.match(BLOCK);
  if (!blocks) {
    throw new PublicKeyError(
      'There is no public key in it: it has lines between -----BEGIN PUBLIC KEY----- and its end.',
    );
  }
  return new Map(
    blocks.map((block) => {
      const key = publicKeyOf(block);
      if (key.asymmetricKeyType !== 'ed25519') {
        throw new PublicKeyError(
          `A public key is of the kind ${key.asymmetricKeyType}; heads are signed with ed25519.`,
        );
      }
      return [keyIdOf(key), key];
    }),
  );
}

function publicKeyOf(block: string): KeyObject {
  try {
    return createPublicKey(block);
  } catch (cause) {
    throw new PublicKeyError('A public key in it cannot be read: it is damaged or incomplete.', { cause });
  }
}
