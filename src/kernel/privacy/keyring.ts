import type { Subject } from '../define/personal/subject.ts';

/** What a keyring answers for a subject whose key was destroyed. */
export const GONE = 'gone';
export type Gone = typeof GONE;

/** What begins with a rotation of a keyring. */
export interface KeyringGeneration {
  /** Higher than that of the one before. */
  readonly number: number;
  /** Tells it from another one with this number, which a copy of the keyring has made. Not secret. */
  readonly mark: string;
}

/**
 * Wraps the data keys of subjects, which the database stores. Whoever has the database without the keyring cannot read personal
 * data, and whoever has both cannot read that of an erased subject: {@link erase} destroys what its keys were wrapped with.
 *
 * `KEYRING_URL` names one. The product has that of a file; an application can add others, such as a key management service, with
 * `keyrings` of `defineApp`.
 */
export interface Keyring {
  /** The same for as long as the keyring exists, also after rotations. Stores remember it, so that another one is refused. */
  readonly id: string;
  /** A secret of 32 bytes for keyed hashes, which stays the same. */
  readonly hashKey: Buffer;
  /**
   * Encrypts a data key of 32 bytes for a subject, with the newest generation.
   * @returns `gone` if the subject was erased.
   * @throws {KeyringError}
   */
  wrap(subject: Subject, key: Buffer): Promise<Buffer | Gone>;
  /**
   * The data key.
   * @returns `gone` if the subject was erased.
   * @throws {KeyringError} KEY_DAMAGED if it was not wrapped by this keyring for this subject.
   */
  unwrap(subject: Subject, wrapped: Buffer): Promise<Buffer | Gone>;
  /** True if the subject was erased. @throws {KeyringError} */
  isErased(subject: Subject): Promise<boolean>;
  /**
   * Destroys what the subject's keys are wrapped with, for good: also those that are stored in old backups. It can be repeated.
   * @param tenant whose subject it is, if the keyring has those of several: see {@link mayHaveErased}.
   * @throws {KeyringError} KEYRING_READ_ONLY, KEYRING_BUSY
   */
  erase(subject: Subject, tenant?: string): Promise<void>;
  /**
   * Begins a new generation, with which keys are wrapped from then on. Those of former generations can still be unwrapped, unless
   * `forgetsFormer`: then the former generations are destroyed instead, for when all keys have been wrapped again.
   * @throws {KeyringError} KEYRING_READ_ONLY, KEYRING_BUSY
   */
  rotate(options?: { readonly forgetsFormer?: boolean }): Promise<void>;
  /** True if a key was wrapped with the newest generation. */
  isNewest(wrapped: Buffer): Promise<boolean>;
  /**
   * Resolves when answers take into account what other processes have erased before the call: until then, a keyring may answer from
   * what it has read earlier.
   * @throws {KeyringError}
   */
  refresh(): Promise<void>;
  /** The generations whose keys it can unwrap, the newest last. @throws {KeyringError} */
  generations(): Promise<readonly [KeyringGeneration, ...KeyringGeneration[]]>;
  /** True if a key was wrapped with a newer generation than the keyring has: it is a copy from before a rotation. */
  isNewer(wrapped: Buffer): Promise<boolean>;
  /** Number of erased subjects. A copy of the keyring with fewer could bring some back. */
  erasures(): Promise<number>;
  /**
   * False if none of the erasures after the first `known` is of a subject of this tenant. True if one is, or if that is not known. It
   * saves the other tenants from looking through their keys.
   * @param tenant undefined if the keyring has the subjects of nobody else.
   * @throws {KeyringError}
   */
  mayHaveErased(known: number, tenant?: string): Promise<boolean>;
}

export const KEYRING_ERROR_CODES = [
  ...(['KEYRING_UNSET', 'KEYRING_MISSING', 'KEYRING_DAMAGED', 'KEYRING_FOREIGN', 'KEYRING_OUTDATED'] as const),
  ...(['KEYRING_READ_ONLY', 'KEYRING_BUSY', 'KEYRING_UNAVAILABLE', 'KEYRING_EXISTS', 'KEY_DAMAGED'] as const),
] as const;

/** The keyring cannot do what it is needed for. Nothing was stored. The message is for operators. */
export class KeyringError extends Error {
  readonly code: (typeof KEYRING_ERROR_CODES)[number];

  constructor(code: KeyringError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'KeyringError';
    this.code = code;
  }
}
