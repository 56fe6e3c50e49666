import type { EventTypes, RecordedEvent } from '../../define/event.ts';
import type { Subject } from '../../define/personal/subject.ts';
import { maskableColumns } from '../../define/read-model/personal-moves.ts';
import type { PersonalReaches } from '../../define/read-model/personal-reach.ts';
import { type Change, changesOf, type Key, type Projection } from '../../define/read-model/projection.ts';
import { elementsAt } from '../../privacy/pointers.ts';
import { keyText, type RowValues } from '../../read/fold/working-rows.ts';

/** What events have put into rows. */
interface Touch {
  readonly columns: Set<string>;
  readonly subjects: Set<Subject>;
}

/** What a handler makes of an event: without what was erased, and with made-up values in its place. */
interface Handled {
  readonly changes: readonly Change[];
  /** Two that differ in the personal parts alone; undefined if the handler fails on made-up values. */
  readonly twins: readonly [readonly Change[], readonly Change[]] | undefined;
}

/**
 * The rows that events have changed, and the columns into which they have put personal data. A handler changes rows one by one, and puts
 * into each what the event has, so that these are all rows that can have it.
 */
export class TouchedRows {
  readonly keys = new Map<string, Key>();
  /** Rows by a column's values: those that have one of them now. */
  readonly where = new Map<string, Set<unknown>>();
  /** Positions of events of which nobody can tell what rows they have changed: their handler fails without what was erased. */
  readonly unknown: number[] = [];
  readonly #projection: Projection;
  readonly #reaches: PersonalReaches;
  readonly #events: EventTypes;
  readonly #byKey = new Map<string, Touch>();
  readonly #byColumn = new Map<string, Map<unknown, Touch>>();

  constructor(projection: Projection, reaches: PersonalReaches, events: EventTypes) {
    this.#projection = projection;
    this.#reaches = reaches;
    this.#events = events;
  }

  /** Number of keys and values by which rows are found, and of events of which nothing is known. */
  get size(): number {
    const values = [...this.where.values()].reduce((sum, { size }) => sum + size, 0);
    return this.keys.size + values + this.unknown.length;
  }

  /** @param events without what was erased. */
  add(events: readonly RecordedEvent[]): void {
    for (const event of events) {
      const reach = this.#reaches.byEvent.get(event.type);
      if (!reach || !event.subject) continue;
      const handled = this.#handled(event);
      if (!handled) {
        this.unknown.push(event.position);
        continue;
      }
      // With another number of changes, nobody can tell which of them belong together.
      if (handled.twins?.some(({ length }) => length !== handled.changes.length)) {
        this.unknown.push(event.position);
        continue;
      }
      for (const [nth, change] of handled.changes.entries()) {
        const columns = new Set(reach.columnsOf(change));
        const [one, other] = handled.twins?.map((changes) => changes[nth]) ?? [];
        // The event's own values may lead a handler to where no made-up event has led it.
        if (one && other) for (const column of this.#reaches.columnsWith(one, other)) columns.add(column);
        this.#add(change, columns, event.subject);
      }
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

  /** All columns of a row that can be masked. */
  get allColumns(): ReadonlySet<string> {
    return maskableColumns(this.#projection);
  }

  /** Undefined if the handler fails on everything that the event could have been. */
  #handled(event: RecordedEvent): Handled | undefined {
    const [one, other] = twinsOf(event, this.#events);
    const [erased, first, second] = [event, one, other].map((each) => changesIn(this.#projection, each));
    const twins = first && second ? ([first, second] as const) : undefined;
    const changes = erased ?? first ?? second;
    return changes && { changes, twins };
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

/** An event with made-up values in its personal parts: twice, with different ones. */
function twinsOf(event: RecordedEvent, events: EventTypes): readonly [RecordedEvent, RecordedEvent] {
  const parts = events[event.type]?.personalParts.find(event.data) ?? [];
  const twin = (nth: 0 | 1): RecordedEvent => {
    const elements = elementsAt(event.data);
    for (const { at, samples } of parts) elements.put(at, samples?.()[nth] ?? `some ${nth}`);
    return {
      ...event,
      data: elements.root,
      get metadata() {
        return event.metadata;
      },
      get summary() {
        return event.summary;
      },
    };
  };
  return [twin(0), twin(1)];
}

function changesIn(projection: Projection, event: RecordedEvent): readonly Change[] | undefined {
  try {
    return changesOf(projection, event);
  } catch {
    return undefined;
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
