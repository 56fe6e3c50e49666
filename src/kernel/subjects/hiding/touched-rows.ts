import type { RecordedEvent } from '../../define/event.ts';
import type { Subject } from '../../define/personal/subject.ts';
import type { PersonalReaches } from '../../define/read-model/personal-reach.ts';
import { type Change, changesOf, type Key, type Projection } from '../../define/read-model/projection.ts';
import { keyText, type RowValues } from '../../read/fold/working-rows.ts';

/** What events have put into rows. */
interface Touch {
  readonly columns: Set<string>;
  readonly subjects: Set<Subject>;
}

/**
 * The rows that events have changed, and the columns into which they have put personal data. A handler names each row
 * that it changes, and can only put in what its event has. So no other rows can have the data.
 */
export class TouchedRows {
  readonly keys = new Map<string, Key>();
  /** Rows by a column's values: those that have one of them now. */
  readonly where = new Map<string, Set<unknown>>();
  readonly #projection: Projection;
  readonly #byKey = new Map<string, Touch>();
  readonly #byColumn = new Map<string, Map<unknown, Touch>>();

  /** @param events without what was erased. */
  constructor(projection: Projection, reaches: PersonalReaches, events: readonly RecordedEvent[]) {
    this.#projection = projection;
    for (const event of events) {
      const reach = reaches.get(event.type);
      if (!reach || !event.subject) continue;
      for (const change of changesIn(projection, event)) this.#add(change, reach.columnsOf(change), event.subject);
    }
  }

  /** The columns of a row that have personal data of the subjects of the events. */
  columnsOf(row: RowValues): ReadonlySet<string> {
    const key = this.#projection.key.map(({ property }) => row[property] as string | number);
    const touches = [
      this.#byKey.get(keyText(key.length === 1 ? (key[0] as string | number) : key)),
      ...[...this.#byColumn].map(([column, touched]) => touched.get(comparable(row[column]))),
    ].filter((touch) => touch !== undefined);
    const owner = this.#ownerOf(row);
    return new Set(
      touches.flatMap(({ columns, subjects }) => [
        ...columns,
        // Their own row: whatever handlers may have put there in other states of the row.
        ...(owner !== undefined && subjects.has(owner) ? (this.#projection.personal?.columns ?? []) : []),
      ]),
    );
  }

  #add(change: Change, columns: ReadonlySet<string>, subject: Subject): void {
    if (columns.size === 0) return;
    if (change.kind !== 'updateWhere') {
      const text = keyText(change.key);
      this.keys.set(text, change.key);
      touch(this.#byKey, text, columns, subject);
      return;
    }
    const { column, value } = change;
    if (value === null || value === undefined) return;
    const values = this.where.get(column) ?? new Set();
    this.where.set(column, values.add(value));
    const touched = this.#byColumn.get(column) ?? new Map<unknown, Touch>();
    this.#byColumn.set(column, touched);
    touch(touched, comparable(value), columns, subject);
  }

  #ownerOf(row: RowValues): Subject | undefined {
    try {
      return (this.#projection.personal?.of(row as never) ?? undefined) as Subject | undefined;
    } catch {
      return undefined;
    }
  }
}

/** A handler that fails has changed nothing: its event is in dead letters. */
function changesIn(projection: Projection, event: RecordedEvent): readonly Change[] {
  try {
    return changesOf(projection, event);
  } catch {
    return [];
  }
}

function touch<Name>(touched: Map<Name, Touch>, name: Name, columns: ReadonlySet<string>, subject: Subject): void {
  const known = touched.get(name) ?? { columns: new Set(), subjects: new Set() };
  for (const column of columns) known.columns.add(column);
  known.subjects.add(subject);
  touched.set(name, known);
}

function comparable(value: unknown): unknown {
  return value instanceof Date ? value.getTime() : value;
}
