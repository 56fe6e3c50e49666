/** Beginnings of cells that spreadsheets take for a formula, behind any apostrophes (OWASP, *CSV Injection*). */
const FORMULA = /^'*[=+\-@\t\r\n＝＋－＠]/;

/** Numbers begin like formulas and are none. */
const NUMBER = /^[+-]?\d+(\.\d+)?$/;

/**
 * A cell of a CSV file that no spreadsheet takes for a formula: one that begins like a formula, and is no number, gets an
 * apostrophe in front.
 * {@link csvValue} undoes it exactly.
 */
export function csvCell(value: string): string {
  const text = FORMULA.test(value) && !NUMBER.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The value of a cell that {@link csvCell} wrote, its quotes taken off already. */
export function csvValue(cell: string): string {
  return cell.startsWith("'") && FORMULA.test(cell) ? cell.slice(1) : cell;
}
