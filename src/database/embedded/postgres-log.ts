import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';

const LIMIT_BYTES = 10 * 1024 * 1024;

/** Postgres's log in a data folder: postgres.log, and postgres.log.1 before it. */
export class PostgresLog {
  readonly #path: string;

  constructor(dataDir: string) {
    this.#path = join(dataDir, 'postgres.log');
  }

  /** Rotates a log of more than 10 MB, replacing the previous rotated log. */
  async rotate(): Promise<void> {
    if ((await this.size()) > LIMIT_BYTES) await rename(this.#path, `${this.#path}.1`);
  }

  /** Opens it for Postgres to append to. */
  async open(): Promise<FileHandle> {
    return open(this.#path, 'a', 0o600);
  }

  /** Bytes written so far. */
  async size(): Promise<number> {
    return (await stat(this.#path).catch(() => undefined))?.size ?? 0;
  }

  /** The text that was written after the first `offset` bytes: at most its last 16 KB. */
  async since(offset: number): Promise<string> {
    const size = await this.size();
    const length = Math.min(Math.max(size - offset, 0), 16 * 1024);
    const file = await open(this.#path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  }
}
