import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CliError } from '../../cli/errors.ts';
import { rootOf } from '../../database/errors.ts';
import { readRecords } from './records.ts';
import { COLUMNS, type InvoiceLine, RowReader, type RowRejection } from './rows.ts';

/** A row of the file, and what it says. */
export interface Row {
  readonly line: number;
  readonly read: InvoiceLine | RowRejection;
  /** Its values in the order of {@link COLUMNS}, as they stand in the file. */
  values(): string[];
}

/** A file of invoice lines. It is read anew as often as that is asked for, so that no more of it is kept than is needed. */
export class InvoiceFile {
  readonly path: string;
  readonly #stamp: string;

  private constructor(path: string, stamp: string) {
    this.path = path;
    this.#stamp = stamp;
  }

  /** @throws {CliError} BAD_FILE where there is no such file. */
  static async open(path: string): Promise<InvoiceFile> {
    return new InvoiceFile(path, await stampOf(path));
  }

  /** @throws {CliError} BAD_FILE where it is not a CSV file of these columns. */
  async *rows(): AsyncGenerator<Row> {
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

  /** @throws {CliError} FILE_CHANGED where somebody wrote to it meanwhile. */
  async assertUnchanged(): Promise<void> {
    if ((await stampOf(this.path)) === this.#stamp) return;
    throw new CliError('FILE_CHANGED', `${this.path} was changed while it was being imported; import it again.`);
  }
}

/** Finds out before the work that what it leaves behind can be written. @throws {CliError} NOT_WRITABLE */
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
