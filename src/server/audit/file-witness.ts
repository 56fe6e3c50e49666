import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { HeadWitness } from '../../kernel/audit/heads/witness.ts';
import { LogFault } from '../../kernel/proof/log-fault.ts';
import { readHead, readHeadLine } from '../../kernel/proof/signed-head.ts';

/** More than a line has. */
const TAIL_BYTES = 4096;
const LINE_FEED = 10;

/**
 * Appends each head as a line to a file. It is meant for a file system that the database's owner cannot write to. Several
 * servers can share it, since one of them signs at a time.
 */
export class FileWitness implements HeadWitness {
  readonly id: string;
  readonly #path: string;
  /** Where the next line is expected that the file already has, if all heads are given again. */
  #knownUntil = 0;

  constructor(path: string, id: string) {
    this.#path = path;
    this.id = id;
  }

  /** @throws {LogFault} if the file has heads that this log has not signed: the log was restored from a backup or cut off. */
  async take({ line, position }: { readonly line: string; readonly position: number }): Promise<void> {
    const file = await open(this.#path, constants.O_RDWR | constants.O_CREAT, 0o640);
    try {
      const end = await endOfLines(file);
      const last = await lastPosition(file, end);
      if (position <= last) {
        if (await this.#has(file, end, line)) return;
        throw new LogFault(
          `the witness ${this.#path} has a head of position ${last}, and this log signs one of position ${position} that it does not have: ` +
            'the log was restored from a backup, or cut off. After a restore, give the new history a file of its own',
          position,
          last,
        );
      }
      await file.write(`${line}\n`, end);
      await file.datasync();
    } finally {
      await file.close();
    }
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

/** Where the last whole line ends: a crash may have left the start of one. */
async function endOfLines(file: FileHandle): Promise<number> {
  const { size } = await file.stat();
  const start = Math.max(0, size - TAIL_BYTES);
  const end = start + (await readAt(file, start, size - start)).lastIndexOf(LINE_FEED) + 1;
  if (end < size) await file.truncate(end);
  return end;
}

async function lastPosition(file: FileHandle, end: number): Promise<number> {
  const start = Math.max(0, end - TAIL_BYTES);
  const text = (await readAt(file, start, end - start)).toString().trimEnd();
  if (text === '') return 0;
  const signed = readHeadLine(text.slice(text.lastIndexOf('\n') + 1));
  const content = signed && readHead(signed.text);
  if (!content) throw new LogFault('the last line of the witness is no head', 1);
  return content.position;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
