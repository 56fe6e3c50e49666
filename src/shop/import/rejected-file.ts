import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { csvCell } from '../../text/csv.ts';
import type { InvoiceFile } from './file.ts';
import { COLUMNS, REASON, RowRejection } from './rows.ts';

/** Where the rejected rows of a file go unless told otherwise: beside it, `sales.csv` → `sales.rejected.csv`. */
export function rejectedPathOf(path: string): string {
  return `${path.replace(/\.csv$/i, '')}.rejected.csv`;
}

/**
 * Writes the rejected rows with their reasons, in the order of the file. A file of that name is replaced when the new one is
 * whole. Cells that a spreadsheet would take for a formula begin with an apostrophe, which an import of that file takes off.
 *
 * @param refused by line, rows that can be read and were refused nevertheless.
 * @returns how many there are of each code.
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
