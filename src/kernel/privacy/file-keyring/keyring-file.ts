import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KeyringError } from '../keyring.ts';
import { FileLock } from './file-lock.ts';
import { formerContent, type KeyringContent, packed, unpacked } from './keyring-content.ts';

/** Changes when the file does. */
export type FileMark = string;

/** What is read, hashed or written at once. */
const PIECE_BYTES = 1024 * 1024;
const SUM_BYTES = 32;
/** Texts of files of the first format cannot be longer. */
const LONGEST_FORMER = 512 * 1024 * 1024;

/** A file with a keyring, of which several processes may read and change. Changes are atomic. */
export class KeyringFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** @throws {KeyringError} KEYRING_MISSING, KEYRING_UNAVAILABLE */
  async mark(): Promise<FileMark> {
    const { ino, size, mtimeNs } = await stat(this.path, { bigint: true }).catch((error) => this.#fail(error));
    return `${ino} ${size} ${mtimeNs}`;
  }

  /** @throws {KeyringError} KEYRING_MISSING, KEYRING_DAMAGED, KEYRING_UNAVAILABLE */
  async read(): Promise<KeyringContent> {
    const content = await contentOf(this.path).catch((error) => this.#fail(error));
    if (content) return content;
    throw new KeyringError(
      'KEYRING_DAMAGED',
      `${this.path} is not a complete keyring. Restore the newest copy of it: personal data can neither be read nor stored without it.`,
    );
  }

  /**
   * Creates the file.
   * @throws {KeyringError} KEYRING_EXISTS, KEYRING_READ_ONLY
   */
  async create(content: KeyringContent): Promise<void> {
    const handle = await open(this.path, 'wx', 0o600).catch((error) => this.#failWriting(error));
    await fill(handle, content);
    await syncFolder(this.path);
  }

  /**
   * Changes the file while no other process does.
   * @param change returns the new content, or undefined to leave it as it is.
   * @throws {KeyringError} KEYRING_READ_ONLY, KEYRING_BUSY, and as `read` does.
   */
  async change(change: (content: KeyringContent) => KeyringContent | undefined): Promise<void> {
    const lock = await FileLock.take(this.path).catch((error) => this.#failWriting(error));
    if (!lock) this.#failBusy();
    try {
      const content = change(await this.read());
      if (content) await this.#replace(content, lock);
    } finally {
      await lock.release();
    }
  }

  async #replace(content: KeyringContent, lock: FileLock): Promise<void> {
    const next = `${this.path}.${randomUUID()}.next`;
    try {
      await fill(await open(next, 'wx', 0o600), content);
      // If this process was paused for long, another may have changed the file: its change must not be undone.
      if (!(await lock.isHeld())) this.#failBusy();
      await rename(next, this.path);
      await syncFolder(this.path);
    } catch (error) {
      await rm(next, { force: true }).catch(() => undefined);
      if (error instanceof KeyringError) throw error;
      this.#failWriting(error);
    }
  }

  #failBusy(): never {
    throw new KeyringError('KEYRING_BUSY', `Another process is changing ${this.path}. Try again.`);
  }

  #fail(error: unknown): never {
    if (codeOf(error) === 'ENOENT') {
      throw new KeyringError(
        'KEYRING_MISSING',
        `There is no keyring at ${this.path}. If the store has one, correct KEYRING_URL or restore the file. Otherwise create it with the command keyring create.`,
        error,
      );
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new KeyringError('KEYRING_UNAVAILABLE', `The keyring ${this.path} cannot be read: ${reason}.`, error);
  }

  #failWriting(error: unknown): never {
    const code = codeOf(error);
    if (code === 'EEXIST') {
      throw new KeyringError('KEYRING_EXISTS', `${this.path} exists already. It was not changed.`, error);
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new KeyringError(
      'KEYRING_READ_ONLY',
      `The keyring ${this.path} cannot be changed: ${reason}. Run the command where its folder can be written. Nothing was changed.`,
      error,
    );
  }
}

/** The content of a file: its bytes are followed by their SHA-256, which tells a file that was copied incompletely from a whole one. */
async function contentOf(path: string): Promise<KeyringContent | undefined> {
  const { bytes, sum } = await bytesOf(path);
  const end = Math.max(0, bytes.length - SUM_BYTES);
  if (sum.equals(bytes.subarray(end))) return unpacked(bytes.subarray(0, end));
  if (bytes.length > LONGEST_FORMER) return undefined;
  const [text = '', formerSum] = bytes.toString().split('\n');
  return createHash('sha256').update(text).digest('hex') === formerSum ? formerContent(text) : undefined;
}

/** @returns the bytes of a file, and the SHA-256 of all but the last ones: hashed while the next are read. */
async function bytesOf(path: string): Promise<{ readonly bytes: Buffer; readonly sum: Buffer }> {
  const handle = await open(path, 'r');
  try {
    const bytes = Buffer.alloc((await handle.stat()).size);
    const end = Math.max(0, bytes.length - SUM_BYTES);
    const sum = createHash('sha256');
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(bytes, length, Math.min(PIECE_BYTES, bytes.length - length));
      sum.update(bytes.subarray(Math.min(length, end), Math.min(length + bytesRead, end)));
      length += bytesRead;
      if (bytesRead === 0 || length === bytes.length) return { bytes: bytes.subarray(0, length), sum: sum.digest() };
    }
  } finally {
    await handle.close();
  }
}

async function fill(handle: FileHandle, content: KeyringContent): Promise<void> {
  try {
    const sum = createHash('sha256');
    for (const part of packed(content)) {
      for (const piece of piecesOf(part)) {
        sum.update(piece);
        await writeAll(handle, piece);
      }
    }
    await writeAll(handle, sum.digest());
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done)).bytesWritten;
}

function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) yield bytes.subarray(from, from + PIECE_BYTES);
}

/** The new name has to survive a crash too. Not every system can flush a folder. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
