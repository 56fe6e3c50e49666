import { crc32 } from 'node:zlib';

/** The first byte, which changes with the format. With this one a token begins with a letter, never with a hyphen. */
const FORMAT = 0x9a;
/** That of the tokens of former releases, in base64url. Clients may still hold some: they are read, and not made any more. */
const FORMER_FORMAT = 1;
/**
 * The 64 characters of a token in the order of their codes, so that tokens of one store compare as text in the order of
 * their positions. Those of base64url do not: its digits come last.
 */
const ALPHABET = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const toAlphabet = translation(BASE64URL, ALPHABET);
const fromAlphabet = translation(ALPHABET, BASE64URL);
/** format (1) · epoch (16) · position (8) · checksum (2): 27 bytes, 36 characters. */
const LENGTH = 27;
const CHARACTERS = 36;
/** Positions are written as two halves of 32 bits each. */
const HALF = 2 ** 32;

/** A token that is not valid for this store. */
export class TokenError extends Error {
  readonly code: 'INVALID_TOKEN' | 'FOREIGN_TOKEN' | 'TOKEN_AHEAD';

  constructor(code: TokenError['code'], message: string) {
    super(message);
    this.name = 'TokenError';
    this.code = code;
  }
}

/**
 * Consistency tokens. They are opaque to clients, and contain a position in one history. Their size is constant, so
 * that a client can keep one in a header or a cookie. Of two tokens of one history, the one of the later position is the
 * greater text.
 */
export class Tokens {
  readonly #epoch: Buffer;
  readonly #prefix: Buffer;
  /** The last token. After a change, all subscribers get the same one. */
  #last = { position: -1, token: '' };

  /** @param epoch the UUID of this history (`es.store`). */
  constructor(epoch: string) {
    this.#epoch = Buffer.from(epoch.replaceAll('-', ''), 'hex');
    this.#prefix = Buffer.concat([Buffer.of(FORMAT), this.#epoch]);
  }

  /** The token of a position. */
  encode(position: number): string {
    if (this.#last.position !== position) this.#last = { position, token: this.#encode(position) };
    return this.#last.token;
  }

  /**
   * The position of a token.
   * @throws {TokenError} INVALID_TOKEN if it is not a token, FOREIGN_TOKEN if it belongs to another store.
   */
  decode(token: string): number {
    const bytes = bytesOf(token);
    if (!bytes || bytes.readUInt16BE(25) !== checksum(bytes)) {
      throw new TokenError(
        'INVALID_TOKEN',
        'This is not a consistency token; pass on the one you were given unchanged.',
      );
    }
    if (bytes.compare(this.#epoch, 0, 16, 1, 17) !== 0) {
      throw new TokenError(
        'FOREIGN_TOKEN',
        'The token is from another store, or from before this one was restored from a backup; read without it.',
      );
    }
    const position = bytes.readUInt32BE(17) * HALF + bytes.readUInt32BE(21);
    if (position > Number.MAX_SAFE_INTEGER) {
      throw new TokenError('INVALID_TOKEN', 'The token names a position that no log has.');
    }
    return position;
  }

  #encode(position: number): string {
    const bytes = Buffer.alloc(LENGTH);
    this.#prefix.copy(bytes);
    bytes.writeUInt32BE(Math.floor(position / HALF), 17);
    bytes.writeUInt32BE(position % HALF, 21);
    bytes.writeUInt16BE(checksum(bytes), 25);
    return translated(bytes.toString('base64url'), toAlphabet);
  }
}

/** What a token contains; undefined if the text cannot be one. */
function bytesOf(token: string): Buffer | undefined {
  if (token.length !== CHARACTERS) return undefined;
  const bytes = Buffer.from(translated(token, fromAlphabet), 'base64url');
  if (bytes.length === LENGTH && bytes[0] === FORMAT) return bytes;
  const former = Buffer.from(token, 'base64url');
  return former.length === LENGTH && former[0] === FORMER_FORMAT ? former : undefined;
}

/** For each code of a character, the code of the one in its place; 0 if it has none. */
function translation(from: string, to: string): Uint8Array {
  const table = new Uint8Array(256);
  for (let at = 0; at < from.length; at++) table[from.charCodeAt(at)] = to.charCodeAt(at);
  return table;
}

function translated(text: string, table: Uint8Array): string {
  const codes = Buffer.allocUnsafe(text.length);
  // A character beyond Latin-1 has no entry either.
  for (let at = 0; at < text.length; at++) codes[at] = table[text.charCodeAt(at)] ?? 0;
  return codes.toString('latin1');
}

function checksum(bytes: Buffer): number {
  return crc32(bytes.subarray(0, 25)) & 0xffff;
}
