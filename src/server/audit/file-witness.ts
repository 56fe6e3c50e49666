import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { HeadWitness } from '../../kernel/audit/heads/witness.ts';
import { LogFault } from '../../kernel/proof/log-fault.ts';
import { type HeadContent, headHash, readHead, readHeadLine } from '../../kernel/proof/signed-head.ts';

/** More than a line has. */
const TAIL_BYTES = 4096;
const LINE_FEED = 10;

/**
 * Appends each head as a line to a file. It is meant for a file system that the database's owner cannot write to. It only ever
 * appends, so the file may be an append-only one (`chattr +a`). Several servers can share it, since one of them signs at a time.
 */
export class FileWitness implements HeadWitness {
  readonly id: string;
  readonly #path: string;
  /** Where the next line is expected that the file already has, if heads are given again. */
  #knownUntil = 0;

  constructor(path: string, id: string) {
    this.#path = path;
    this.id = id;
  }

  /**
   * @throws {LogFault} if the file has heads that this log has not signed: the log was restored from a backup or cut off. Or if
   * the file has something else than heads, which stays as it is.
   */
  async take({ line, position }: { readonly line: string; readonly position: number }): Promise<void> {
    const file = await open(this.#path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o640);
    try {
      const { end, last, rest, isUnended } = await this.#tailOf(file);
      if (isUnended) await file.appendFile('\n');
      if (position <= last.position) {
        if (await this.#has(file, end, line)) return;
        throw new LogFault(
          `the witness ${this.#path} has a head of position ${last.position}, and this log signs one of position ${position} that it does not have: ` +
            'the log was restored from a backup, or cut off. After a restore, give the new history a file of its own',
          position,
          last.position,
        );
      }
      const previous = headOf(line)?.content.previous;
      if (last.hash && !previous?.equals(last.hash)) {
        throw new LogFault(
          `the witness ${this.#path} ends with a head of position ${last.position}, and the head of position ${position} does not follow it: ` +
            'the log was written anew, or restored from a backup. After a restore, give the new history a file of its own',
          last.position + 1,
          position,
        );
      }
      const wanted = Buffer.from(`${line}\n`);
      if (!wanted.subarray(0, rest.length).equals(rest)) {
        throw new LogFault(
          `the witness ${this.#path} ends with something that is no head, nor the start of the one of position ${position}`,
          position,
        );
      }
      await file.appendFile(wanted.subarray(rest.length));
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  /** @throws {LogFault} if the file has something else than heads. */
  async last(): Promise<{ readonly position: number; readonly hash: Buffer } | undefined> {
    const file = await openIfThere(this.#path);
    if (!file) return undefined;
    try {
      const { position, hash } = (await this.#tailOf(file)).last;
      return hash && { position, hash };
    } finally {
      await file.close();
    }
  }

  /**
   * Where the last whole line ends, its head, and what follows it: a crash may have left the start of a line. A head may lack its line
   * feed, because a copy may have lost it.
   */
  async #tailOf(file: FileHandle): Promise<FileTail> {
    const { size } = await file.stat();
    const tail = await readAt(file, Math.max(0, size - TAIL_BYTES), TAIL_BYTES);
    const rest = tail.subarray(tail.lastIndexOf(LINE_FEED) + 1);
    const unended = headOf(rest.toString());
    if (unended) return { end: size + 1, last: lastOf(unended), rest: Buffer.alloc(0), isUnended: true };
    const end = size - rest.length;
    if (rest.length === tail.length) {
      if (size === rest.length) return { end, last: { position: 0, hash: undefined }, rest, isUnended: false };
      throw this.#foreign();
    }
    const lines = tail.subarray(0, tail.length - rest.length - 1).toString();
    const head = headOf(lines.slice(lines.lastIndexOf('\n') + 1));
    if (!head) throw this.#foreign();
    return { end, last: lastOf(head), rest, isUnended: false };
  }

  #foreign(): LogFault {
    return new LogFault(`the last line of the witness ${this.#path} is no head`, 1);
  }

  /** True if the file has a line. Those that are looked for one after the other are found at once. */
  async #has(file: FileHandle, end: number, line: string): Promise<boolean> {
    const wanted = Buffer.from(`${line}\n`);
    for (const start of this.#knownUntil === 0 ? [0] : [this.#knownUntil, 0]) {
      for (let at = start; at + wanted.length <= end; ) {
        const bytes = await readAt(file, at, TAIL_BYTES);
        if (bytes.subarray(0, wanted.length).equals(wanted)) {
          this.#knownUntil = at + wanted.length;
          return true;
        }
        // The first guess is about this line alone.
        if (start > 0) break;
        at += bytes.indexOf(LINE_FEED) + 1 || bytes.length;
      }
    }
    return false;
  }
}

interface HeadOfLine {
  readonly text: string;
  readonly content: HeadContent;
}

function headOf(line: string): HeadOfLine | undefined {
  const text = readHeadLine(line)?.text;
  const content = text === undefined ? undefined : readHead(text);
  return text !== undefined && content ? { text, content } : undefined;
}

interface FileTail {
  /** After the line feed of the last head, which it may still lack. */
  readonly end: number;
  readonly last: LastHead;
  readonly rest: Buffer;
  readonly isUnended: boolean;
}

/** The last head of a file. */
interface LastHead {
  /** 0 if there is none. */
  readonly position: number;
  /** What the next head has as the hash of the one before. */
  readonly hash: Buffer | undefined;
}

function lastOf({ text, content }: HeadOfLine): LastHead {
  return { position: content.position, hash: headHash(text) };
}

/** @returns undefined if there is no such file. */
async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
