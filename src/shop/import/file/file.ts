import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CliError } from '../../../cli/index.ts';
import { rootOf } from '../../../server/index.ts';
import { readRecords } from './records.ts';
import { COLUMNS, type InvoiceLine, RowReader, type RowRejection } from './rows.ts';

/** A row of the file, and its parsed content. */
export interface FileRow {
  readonly line: number;
  readonly read: InvoiceLine | RowRejection;
  /** Its values in the order of {@link COLUMNS}, as written in the file. */
  values(): string[];
}

/** A file of invoice lines. It is read again whenever its rows are needed, so that it is never in memory as a whole. */
export class InvoiceFile {
  readonly path: string;
  readonly #stamp: string;

  private constructor(path: string, stamp: string) {
    this.path = path;
    this.#stamp = stamp;
  }

  /** @throws {CliError} BAD_FILE if there is no such file. */
  static async open(path: string): Promise<InvoiceFile> {
    return new InvoiceFile(path, await stampOf(path));
  }

  /** @throws {CliError} BAD_FILE if it is not a CSV file with these columns. */
  async *rows(): AsyncGenerator<FileRow> {
    let reader: RowReader | undefined;
    try {
      for await (const record of readRecords(this.path, COLUMNS.length)) {
        if (!reader) {
          reader = RowReader.of(record.fields ?? []);
          if (!reader)
            throw new CliError('BAD_FILE', `${this.path} does not begin with the columns ${COLUMNS.join(',')}.`);
          continue;
        }
        const { line } = record;
        const present = reader;
        yield { line, read: present.read(record), values: () => present.values(record) };
      }
    } catch (cause) {
      throw cause instanceof RangeError
        ? new CliError('BAD_FILE', `${this.path} is not a CSV file: ${cause.message}.`)
        : cause;
    }
    if (!reader) throw new CliError('BAD_FILE', `${this.path} is empty.`);
  }

  /** @throws {CliError} FILE_CHANGED if somebody has written to it in the meantime. */
  async assertUnchanged(): Promise<void> {
    if ((await stampOf(this.path)) === this.#stamp) return;
    throw new CliError('FILE_CHANGED', `${this.path} was changed while it was being imported; import it again.`);
  }
}

/** Checks before the work that the result file can be written. @throws {CliError} NOT_WRITABLE */
export async function assertWritable(path: string): Promise<void> {
  await access(dirname(path), constants.W_OK).catch((cause) => {
    throw new CliError('NOT_WRITABLE', `${path} cannot be written: ${rootOf(cause).message}.`, { cause });
  });
}

async function stampOf(path: string): Promise<string> {
  try {
    await access(path, constants.R_OK);
    const found = await stat(path);
    if (!found.isFile()) throw new CliError('BAD_FILE', `${path} is not a file.`);
    return `${found.size} ${found.mtimeMs}`;
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    throw new CliError(
      'BAD_FILE',
      missing ? `There is no file ${path}.` : `${path} cannot be read: ${rootOf(cause).message}.`,
      {
        cause,
      },
    );
  }
}
