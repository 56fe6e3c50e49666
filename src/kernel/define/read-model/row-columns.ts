import type { PgTable } from 'drizzle-orm/pg-core';
import { isEngineColumn, storedColumns } from './read-table.ts';
import { declaredName } from './versioned-table.ts';

/** The columns of the rows that handlers see and return, by property. */
interface RowColumns {
  readonly names: readonly string[];
  readonly known: ReadonlySet<string>;
}

const columnsOf = new WeakMap<PgTable, RowColumns>();

function rowColumns(table: PgTable): RowColumns {
  let columns = columnsOf.get(table);
  if (!columns) {
    const names = Object.keys(storedColumns(table)).filter((property) => !isEngineColumn(property));
    columns = { names, known: new Set(names) };
    columnsOf.set(table, columns);
  }
  return columns;
}

/** A handler returned a row that lacks columns of its table, or has others. */
export class RowColumnsError extends Error {
  readonly code = 'ROW_MISMATCH';
  readonly table: string;
  readonly column: string;

  constructor(table: string, column: string, message: string) {
    super(message);
    this.name = 'RowColumnsError';
    this.table = table;
    this.column = column;
  }
}

/**
 * Refuses a row from a handler if it lacks a column, or has one that the table does not have: the value of a misspelt
 * column would be lost, and the row would keep its former value. It is called for each change, so it allocates no
 * objects.
 * @param row the row with its key.
 * @throws {RowColumnsError}
 */
export function refuseOtherColumns(table: PgTable, row: Readonly<Record<string, unknown>>): void {
  const { names, known } = rowColumns(table);
  for (const property in row) if (!known.has(property)) throw unknownColumn(table, property, names);
  for (const name of names) if (row[name] === undefined) throw missingColumn(table, name);
}

function unknownColumn(table: PgTable, column: string, names: readonly string[]): RowColumnsError {
  const name = declaredName(table);
  const sentence = `the row has a column ${column}, which the table ${name} does not have. Write one of its columns: ${names.join(', ')}.`;
  return new RowColumnsError(name, column, sentence);
}

function missingColumn(table: PgTable, column: string): RowColumnsError {
  const name = declaredName(table);
  const sentence = `the row lacks the column ${column} of the table ${name}. Write its value, or null if it may be empty.`;
  return new RowColumnsError(name, column, sentence);
}
