import type { KeyObject } from 'node:crypto';
import type { ReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { readPublicKeys } from '../../kernel/proof/public-keys.ts';
import type { OfflineCli } from '../cli.ts';
import { CliError } from '../errors.ts';

/** Bytes that are read of a file at a time. */
const CHUNK_BYTES = 2 ** 20;

/**
 * The public keys of a file in PEM, by their ids.
 * @throws {CliError} NO_SUCH_FILE. @throws {PublicKeyError} BAD_PUBLIC_KEY
 */
export async function publicKeysOf(cli: OfflineCli, file: string): Promise<Map<string, KeyObject>> {
  const pem = await readFile(resolve(cli.folder, file), 'latin1').catch((cause) => refuseFile(file, cause));
  return readPublicKeys(pem);
}

/** A file as chunks of bytes, and their number; that of standard input is not known. */
export interface GivenFile {
  readonly chunks: AsyncIterable<Buffer>;
  readonly bytes: number | undefined;
}

/** Opens a file; `-` is standard input. @throws {CliError} NO_SUCH_FILE */
export async function openFile(cli: OfflineCli, file: string): Promise<GivenFile> {
  if (file === '-') return { chunks: process.stdin, bytes: undefined };
  const handle = await open(resolve(cli.folder, file)).catch((cause) => refuseFile(file, cause));
  const { size } = await handle.stat();
  const chunks: ReadStream = handle.createReadStream({ highWaterMark: CHUNK_BYTES });
  return { chunks, bytes: size };
}

/** The lines of a file. It is read from when the first one is asked for: readline loses those that it reads before that. */
export async function* textLines({ chunks }: GivenFile): AsyncGenerator<string, void, undefined> {
  yield* createInterface({ input: Readable.from(chunks) });
}

function refuseFile(file: string, cause: NodeJS.ErrnoException): never {
  throw new CliError('NO_SUCH_FILE', `${file} cannot be read: ${cause.message}.`, { cause });
}
