/** Beginnings of cells that spreadsheets interpret as a formula, after any apostrophes (OWASP, *CSV Injection*). */
const FORMULA = /^'*[=+\-@\t\r\n＝＋－＠]/;

/** Numbers may begin like formulas but are none. */
const NUMBER = /^[+-]?\d+(\.\d+)?$/;

/**
 * A cell of a CSV file that no spreadsheet interprets as a formula: a cell that begins like a formula, and is not a
 * number, gets an apostrophe in front. {@link csvValue} undoes this exactly.
 */
export function csvCell(value: string): string {
  const text = FORMULA.test(value) && !NUMBER.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The value of a cell that {@link csvCell} wrote, without its quotes. */
export function csvValue(cell: string): string {
  return cell.startsWith("'") && FORMULA.test(cell) ? cell.slice(1) : cell;
}
