import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { KeyringError } from '../keyring.ts';
import { FileLock } from './file-lock.ts';

const Key = z.base64().transform((text) => Buffer.from(text, 'base64'));
const Node = z.tuple([z.string().regex(/^[0-3]{0,32}$/), Key]);

/** The content of a keyring file. */
const Content = z.object({
  afterwrite: z.literal('keyring'),
  format: z.literal(1),
  id: z.uuid(),
  hashKey: Key,
  /** Leaves of the subjects that were erased, in the order of the erasures. */
  erased: z.array(z.string()),
  /** Oldest first. */
  generations: z.array(z.object({ number: z.int(), createdAt: z.iso.datetime(), nodes: z.array(Node) })).min(1),
});
export type KeyringContent = z.output<typeof Content>;

/** Changes when the file does. */
export type FileMark = string;

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
    const text = await readFile(this.path, 'utf8').catch((error) => this.#fail(error));
    const [body = '', sum] = text.split('\n');
    const parsed = sum === sumOf(body) ? Content.safeParse(JSON.parse(body)) : undefined;
    if (parsed?.success) return parsed.data;
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
    await fill(handle, textOf(content));
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
      if (content) await this.#replace(textOf(content), lock);
    } finally {
      await lock.release();
    }
  }

  async #replace(text: string, lock: FileLock): Promise<void> {
    const next = `${this.path}.${randomUUID()}.next`;
    try {
      await fill(await open(next, 'wx', 0o600), text);
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

function textOf({ hashKey, generations, ...content }: KeyringContent): string {
  const body = JSON.stringify({
    ...content,
    hashKey: hashKey.toString('base64'),
    generations: generations.map(({ nodes, ...generation }) => ({
      ...generation,
      nodes: nodes.map(([path, key]) => [path, key.toString('base64')]),
    })),
  });
  return `${body}\n${sumOf(body)}\n`;
}

/** Tells a file that was copied incompletely from a whole one. */
function sumOf(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}

async function fill(handle: FileHandle, text: string): Promise<void> {
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
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
