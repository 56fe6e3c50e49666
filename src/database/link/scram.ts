import { createHash, createHmac, randomBytes, timingSafeEqual, type X509Certificate } from 'node:crypto';
import { linkError } from './errors.ts';
import { saltedPassword } from './salted-passwords.ts';

/** Limit for the computation that a server may demand; Postgres' default is 4096. */
const MOST_ITERATIONS = 10_000_000;

/** How the login is bound to the encrypted channel. */
export type Binding =
  /** The hash of the server's certificate. */
  | { readonly kind: 'bound'; readonly data: Buffer }
  /** We support it, but the server does not offer it. The server notices if an attacker removed the offer. */
  | { readonly kind: 'not offered' }
  | { readonly kind: 'none' };

/** A login by SCRAM-SHA-256 (RFC 5802, 7677), with channel binding `tls-server-end-point` (RFC 5929) if there is one. */
export class ScramLogin {
  readonly #header: string;
  readonly #binding: Binding;
  readonly #password: string;
  readonly #nonce = randomBytes(18).toString('base64');
  #signature: Buffer | undefined;

  constructor(password: string, binding: Binding) {
    this.#binding = binding;
    this.#header = binding.kind === 'bound' ? 'p=tls-server-end-point,,' : binding.kind === 'none' ? 'n,,' : 'y,,';
    // SASLprep for characters that people use in passwords.
    this.#password = password.replace(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g, ' ').normalize('NFKC');
  }

  get mechanism(): string {
    return this.#binding.kind === 'bound' ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256';
  }

  get first(): string {
    return `${this.#header}n=,r=${this.#nonce}`;
  }

  /** The answer to the server's first message. */
  async answer(challenge: string): Promise<string> {
    const [, nonce = '', salt = '', count = ''] = /^r=([^,]*),s=([^,]*),i=(\d+)/.exec(challenge) ?? [];
    const iterations = Number(count);
    if (
      !nonce.startsWith(this.#nonce) ||
      nonce === this.#nonce ||
      !(iterations >= 1 && iterations <= MOST_ITERATIONS)
    ) {
      throw linkError('SASL_BROKEN', 'the server does not log in as SCRAM-SHA-256 demands');
    }
    const salted = await saltedPassword(this.#password, Buffer.from(salt, 'base64'), iterations);
    const data = this.#binding.kind === 'bound' ? this.#binding.data : Buffer.alloc(0);
    const channel = Buffer.concat([Buffer.from(this.#header), data]).toString('base64');
    const last = `c=${channel},r=${nonce}`;
    const all = `n=,r=${this.#nonce},${challenge},${last}`;
    const clientKey = mac(salted, 'Client Key');
    const signature = mac(createHash('sha256').update(clientKey).digest(), all);
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
    this.#signature = mac(mac(salted, 'Server Key'), all);
    return `${last},p=${proof.toString('base64')}`;
  }

  /** @throws if the server does not prove that it knows the password. */
  check(final: string): void {
    const given = Buffer.from(/^v=([^,]*)/.exec(final)?.[1] ?? '', 'base64');
    if (this.#signature && given.length === this.#signature.length && timingSafeEqual(given, this.#signature)) return;
    throw linkError('SASL_SIGNATURE_MISMATCH', 'the server does not prove that it knows the password');
  }
}

/** The data for channel binding; undefined for signatures without a hash of their own, such as Ed25519. */
export function bindingOf(certificate: X509Certificate | undefined): Buffer | undefined {
  const hash = /sha-?(1|224|256|384|512)/i.exec(certificate?.signatureAlgorithm ?? '')?.[1];
  if (!certificate || !hash) return undefined;
  return createHash(hash === '1' ? 'sha256' : `sha${hash}`)
    .update(certificate.raw)
    .digest();
}

function mac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
