import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse/sync';

/** One record of a CSV file. */
export interface CsvRecord {
  /** Number of its first line in the file, from 1. */
  readonly line: number;
  /** The text as written in the file. */
  readonly text: string;
  /** Undefined if a quote is opened and never closed. */
  readonly fields: readonly string[] | undefined;
}

/** A longer line does not belong to a CSV file. */
const MAX_LINE = 1 << 20;
/** If a quoted field has more lines than this, somebody probably forgot the closing quote. */
const MAX_LINES = 50;

/**
 * The records of a CSV file in order, without blank lines. A record is one line, or several if a quoted field contains
 * line breaks. A quote that is never closed costs its own line and not the rest of the file.
 *
 * @param columns the expected number of fields: it distinguishes a field with line breaks from a forgotten quote.
 * @throws {RangeError} if a line does not end.
 */
export async function* readRecords(path: string, columns: number): AsyncGenerator<CsvRecord> {
  const source = readLines(path);
  const pushedBack: string[] = [];
  const nextLine = async () => pushedBack.shift() ?? (await source.next()).value;
  let line = 0;
  try {
    for (let text = await nextLine(); text !== undefined; text = await nextLine()) {
      line++;
      if (text.trim() === '') continue;
      if (!text.includes('"')) {
        yield { line, text, fields: text.split(',') };
        continue;
      }
      const lines = [text];
      let fields = parseRecord(text, 1);
      while (fields === undefined && lines.length < MAX_LINES) {
        const next = await nextLine();
        if (next === undefined) break;
        lines.push(next);
        fields = parseRecord(lines.join('\n'), lines.length);
      }
      if (lines.length > 1 && fields?.length !== columns) {
        pushedBack.unshift(...lines.slice(1));
        yield { line, text, fields: undefined };
        continue;
      }
      yield { line, text: lines.join('\n'), fields };
      line += lines.length - 1;
    }
  } finally {
    await source.return(undefined);
  }
}

/**
 * Undefined if a quote stays open. A quote in the middle of a field is an ordinary character. But if a field spans
 * lines, such a quote probably belongs to the next row.
 */
function parseRecord(text: string, lines: number): readonly string[] | undefined {
  try {
    const records = parse(text, { relax_quotes: lines === 1, relax_column_count: true });
    return records.length === 1 ? records[0] : undefined;
  } catch {
    return undefined;
  }
}

async function* readLines(path: string): AsyncGenerator<string, undefined> {
  let rest = '';
  let first = true;
  for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 18 })) {
    rest += first ? chunk.replace(/^\uFEFF/, '') : chunk;
    first = false;
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE) throw new RangeError('a line has no end');
    for (const line of lines) yield withoutReturn(line);
  }
  if (rest !== '') yield withoutReturn(rest);
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
