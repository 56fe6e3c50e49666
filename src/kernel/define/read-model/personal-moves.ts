import { isDeepStrictEqual } from 'node:util';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { EventTypes } from '../event.ts';
import type { Change, Projection } from './projection.ts';
import { isEngineColumn, storedColumns } from './read-table.ts';
import { folded, otherValue, type TriedRow, tried } from './sample-rows.ts';

/** Rows in which columns are changed to see what follows from it. */
const MAX_ROWS = 24;
/** Values that each column gets. */
const VALUES = 3;

/** The columns that can be masked: all but the key, generated ones, and the engine's. */
export function maskableColumns(projection: Projection): ReadonlySet<string> {
  const own = new Set(projection.key.map(({ property }) => property));
  return new Set(
    Object.keys(storedColumns(projection.table)).filter((name) => !own.has(name) && !isEngineColumn(name)),
  );
}

/**
 * Which columns of a row handlers copy into which others: `previousEmail` gets what was in `email`, by an event that need not have any
 * personal data itself. Found out by trying: a row is changed in one column, and where the rows differ after the handler besides that
 * column, there its value has got to.
 */
export class PersonalMoves {
  /** The columns that get something of a column. */
  readonly #from = new Map<string, Set<string>>();
  readonly #columns: Readonly<Record<string, PgColumn>>;
  readonly #rows: readonly TriedRow[];
  readonly #changes: readonly Change[];

  /** @param reached the columns that get personal data of events. */
  constructor(projection: Projection, events: EventTypes, rows: readonly TriedRow[], reached: ReadonlySet<string>) {
    this.#columns = storedColumns(projection.table);
    this.#rows = rows;
    this.#changes = reached.size === 0 ? [] : changesThatLookAtRows(projection, events);
    const keys = new Set(projection.key.map(({ property }) => property));
    const waiting = [...reached];
    for (let column = waiting.pop(); column !== undefined; column = waiting.pop()) {
      if (this.#from.has(column) || keys.has(column) || !this.#columns[column]) continue;
      const into = this.#intoFrom(column);
      this.#from.set(column, into);
      waiting.push(...into);
    }
  }

  /** These columns, and those that get something of them, at once or by and by. */
  spread(columns: ReadonlySet<string>): ReadonlySet<string> {
    const all = new Set(columns);
    // What is added while this goes on is visited too.
    for (const column of all) for (const next of this.#from.get(column) ?? []) all.add(next);
    return all;
  }

  #intoFrom(column: string): Set<string> {
    const into = new Set<string>();
    for (const row of this.#rows.slice(0, MAX_ROWS)) {
      const twins = this.#valuesFor(column, row).map((value) => ({ ...row, [column]: value }));
      for (const change of this.#changes) for (const twin of twins) addMoves(change, row, twin, column, into);
    }
    return into;
  }

  /** Values that other rows have, which have the form that handlers expect, and one that is made up. */
  #valuesFor(column: string, row: TriedRow): unknown[] {
    const values: unknown[] = [];
    for (const { [column]: value } of this.#rows) {
      if (values.length === VALUES - 1) break;
      if (![row[column], ...values].some((known) => isDeepStrictEqual(known, value))) values.push(value);
    }
    const definition = this.#columns[column];
    return definition ? [...values, otherValue(definition, row[column])] : values;
  }
}

function addMoves(change: Change, row: TriedRow, twin: TriedRow, column: string, into: Set<string>): void {
  try {
    const [one = {}, other = {}] = [folded(change, row), folded(change, twin)];
    for (const name of Object.keys({ ...one, ...other })) {
      if (name !== column && !into.has(name) && !isDeepStrictEqual(one[name], other[name])) into.add(name);
    }
  } catch {
    // It cannot do with this row.
  }
}

function changesThatLookAtRows(projection: Projection, events: EventTypes): Change[] {
  return [...projection.handlers.keys()].flatMap((type) =>
    (events[type]?.personalParts.samples() ?? []).flatMap(([data]) => {
      try {
        return tried(projection, type, data).filter(({ kind }) => kind !== 'put' && kind !== 'remove');
      } catch {
        return [];
      }
    }),
  );
}
