import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { csvCell } from './csv.ts';
import type { InvoiceFile } from './file.ts';
import { COLUMNS, REASON, RowRejection } from './rows.ts';

/** Default path for the rejected rows: beside the file, `sales.csv` → `sales.rejected.csv`. */
export function rejectedPathOf(path: string): string {
  return `${path.replace(/\.csv$/i, '')}.rejected.csv`;
}

/**
 * Writes the rejected rows with their reasons, in the order of the file. An existing file is replaced once the new one
 * is complete. Cells that a spreadsheet would interpret as a formula get an apostrophe in front, which importing that
 * file removes.
 *
 * @param refused by line, rows that were readable but refused.
 * @returns the number of rows for each code.
 */
export async function writeRejected(
  file: InvoiceFile,
  refused: ReadonlyMap<number, RowRejection>,
  path: string,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  async function* lines() {
    yield csvLine([...COLUMNS, REASON]);
    for await (const row of file.rows()) {
      const reason = row.read instanceof RowRejection ? row.read : refused.get(row.line);
      if (!reason) continue;
      counts.set(reason.code, (counts.get(reason.code) ?? 0) + 1);
      yield csvLine([...row.values(), reason.toString()]);
    }
  }
  const unfinished = `${path}.${process.pid}.tmp`;
  try {
    await pipeline(lines, createWriteStream(unfinished));
    await rename(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
  return counts;
}

function csvLine(values: readonly string[]): string {
  return `${values.map(csvCell).join(',')}\n`;
}
