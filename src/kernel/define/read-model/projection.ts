import { getTableColumns } from 'drizzle-orm';
import { getTableConfig, type PgColumn, type PgTable } from 'drizzle-orm/pg-core';
import type { Actor } from '../access/actor.ts';
import type { Role } from '../access/roles.ts';
import { type CheckpointId, checkpointId } from '../checkpoint-id.ts';
import { DefinitionError } from '../definition-error.ts';
import type { DataOf, EventTypes, RecordedEvent } from '../event.ts';
import { refuseMalformedVersion } from '../version-number.ts';
import { type HistoryTable, historyOf } from './history-table.ts';
import type { EngineColumn, StoredRow } from './read-table.ts';
import { assignTable } from './versioned-table.ts';

/** A row of a read model without the engine's own columns and without generated ones. */
export type RowOf<Table extends PgTable> = Omit<StoredRow<Table>, EngineColumn>;
/** A primary key: its value, or the values of its columns in their order. */
export type Key = string | number | readonly (string | number)[];

/** The effect of one event on a read model. Created with the functions that a handler receives. */
export type Change<Row = Record<string, unknown>> =
  | { readonly kind: 'upsert'; readonly key: Key; readonly fold: (row: Row | undefined) => Row }
  | { readonly kind: 'put'; readonly key: Key; readonly fold: () => Row }
  | { readonly kind: 'update'; readonly key: Key; readonly fold: (row: Row) => Row }
  | { readonly kind: 'remove'; readonly key: Key }
  | {
      readonly kind: 'updateWhere';
      readonly column: string;
      readonly value: unknown;
      readonly fold: (row: Row) => Row;
    };

/** The changes that a handler may return. */
export interface Changes<Row> {
  /** Creates the row, or changes it if it exists. The engine fills the key's columns. */
  upsert<const Made extends Row>(key: Key, fold: (row: Row | undefined) => Exactly<Row, Made>): Change<Row>;
  /**
   * Writes the whole row, whatever was there before. The former row is not read; use it, for example, if every row
   * belongs to one event.
   */
  put<const Made extends Row>(key: Key, make: () => Exactly<Row, Made>): Change<Row>;
  /** Changes the row; does nothing if there is none. */
  update<const Made extends Row>(key: Key, fold: (row: Row) => Exactly<Row, Made>): Change<Row>;
  /** Deletes the row; does nothing if there is none. */
  remove(key: Key): Change<Row>;
  /**
   * Changes all rows that have this value in a column, for example an author's new name on all of their cards. Index
   * the column.
   */
  updateWhere<C extends keyof Row & string, const Made extends Row>(
    column: C,
    value: Row[C],
    fold: (row: Row) => Exactly<Row, Made>,
  ): Change<Row>;
}

/**
 * A row without columns that the table does not have: the compiler alone lets a function return more than it says. Its
 * message about such a column contains this text.
 */
type Exactly<Row, Made extends Row> = Made & {
  readonly [Unknown in Exclude<keyof Made, keyof Row>]: `The table has no column ${Unknown & string}.`;
};

/**
 * Who may see which rows: everyone, operators (roles with at least the power `observe`), or for each role all of them or those
 * whose columns have these values. A value that is undefined or null, such as a claim that the actor does not have, matches
 * no row. Roles with the power `everything` see all.
 */
export type VisibleTo<Row> =
  | 'everyone'
  | 'operators'
  | { readonly [R in Role]?: 'all' | ((actor: Actor) => ColumnValues<Row>) };

/** Values that columns must have. */
export type ColumnValues<Row> = { readonly [Property in keyof Row]?: Row[Property] | undefined };

export type Handlers<Row, Events extends EventTypes> = {
  readonly [K in keyof Events & string]?: (
    event: RecordedEvent<K, DataOf<Events[K]>>,
    changes: Changes<Row>,
  ) => Change<Row> | readonly Change<Row>[];
};

/** An event of any kind; instead of its data it has the `summary`. */
export type AnyEvent = Omit<RecordedEvent, 'data'>;

/** Handles every event of the log, of whatever domain. */
export type HandlerOfAll<Row> = (event: AnyEvent, changes: Changes<Row>) => Change<Row> | readonly Change<Row>[];

/** The personal data in the rows of a read model. */
export interface PersonalColumns<Row = never> {
  /** Whose it is, as `type/id`; nothing if it is nobody's. A row may lack long columns that were not asked for. */
  of(row: Row): string | null | undefined;
  /** The columns that have it. */
  readonly columns: readonly string[];
}

/** A read model: a table and the pure fold from events to its rows. */
export interface Projection<Table extends PgTable = PgTable> {
  readonly name: string;
  /** The checkpoint of this version. */
  readonly checkpoint: CheckpointId;
  readonly description: string | undefined;
  /** Stores the rows of this version: `orders_v3`. */
  readonly table: Table;
  /** The table of former versions; undefined if they are not kept. */
  readonly history: HistoryTable | undefined;
  /**
   * Raise it when the fold or the table changes. The read model then gets a new table, which is filled from the log.
   */
  readonly version: number;
  readonly visibleTo: VisibleTo<RowOf<Table>>;
  /** Undefined if its author has named none. */
  readonly personal: PersonalColumns | undefined;
  readonly handlers: ReadonlyMap<string, AnyHandler>;
  /** Handles all events without an entry in `handlers`. */
  readonly every: AnyHandler | undefined;
  /** The primary key's columns, in their order. */
  readonly key: readonly KeyColumn[];
  /**
   * Whose rows this is about, if the table has rows of many tenants; set by the engine of that tenant. Neither handlers nor
   * queries see the tenant: Postgres adds it to every statement.
   */
  readonly tenant?: string | undefined;
}
export interface KeyColumn {
  /** As a property of the row. */
  readonly property: string;
  readonly column: PgColumn;
}
export type AnyHandler = (event: RecordedEvent, changes: Changes<never>) => Change | readonly Change[];

const changes: Changes<Record<string, unknown>> = {
  upsert: (key, fold) => ({ kind: 'upsert', key, fold }),
  put: (key, fold) => ({ kind: 'put', key, fold }),
  update: (key, fold) => ({ kind: 'update', key, fold }),
  remove: (key) => ({ kind: 'remove', key }),
  updateWhere: (column, value, fold) => ({ kind: 'updateWhere', column, value, fold }),
};

/** The handler of an event type; undefined if there is none. */
export function handlerOf({ handlers, every }: Projection, type: string): AnyHandler | undefined {
  return handlers.get(type) ?? every;
}

/** The changes that `projection` makes for `event`; none if it has no handler. */
export function changesOf(projection: Projection, event: RecordedEvent): readonly Change[] {
  const handler = handlerOf(projection, event.type);
  if (!handler) return [];
  const answer = handler(event, changes as unknown as Changes<never>);
  const asked: readonly Change[] = Array.isArray(answer) ? answer : [answer as Change];
  return asked.map((change) => canonicalChange(projection, change));
}

/** Converts keys and values to the form in which Postgres writes them, so that equal rows are equal in memory too. */
function canonicalChange(projection: Projection, change: Change): Change {
  if (change.kind === 'updateWhere') {
    const column = (projection.table as unknown as Record<string, PgColumn | undefined>)[change.column];
    return column ? { ...change, value: canonical(column, change.value) } : change;
  }
  const { key } = change;
  const [first] = projection.key;
  if (!isKeyOf(projection, key)) {
    throw new TypeError(
      `the key of a row is ${projection.key.length === 1 ? 'a text or a number' : `${projection.key.length} texts or numbers`} that Postgres can hold`,
    );
  }
  if (typeof key !== 'object') {
    const value = first ? canonical(first.column, key) : key;
    return value === key ? change : { ...change, key: value as Key };
  }
  const values = key.map((value, index) => canonical(projection.key[index]?.column, value));
  return { ...change, key: values as unknown as Key };
}

/** Checks the shape at run time. Without a check, all keys that lack the same part would mean the same row. */
function isKeyOf({ key: columns }: Projection, key: unknown): key is Key {
  if (columns.length === 1) return isKeyPart(key);
  return Array.isArray(key) && key.length === columns.length && key.every(isKeyPart);
}

function isKeyPart(part: unknown): boolean {
  if (typeof part === 'number') return Number.isFinite(part);
  return typeof part === 'string' && part.isWellFormed() && !part.includes('\0');
}

/** A UUID in lower case, a whole number as a number: the same value in one form. */
function canonical(column: PgColumn | undefined, value: unknown): unknown {
  if (typeof value !== 'string' || !column) return value;
  const type = column.getSQLType();
  if (type === 'uuid') return value.toLowerCase();
  return type === 'integer' || type === 'bigint' || type === 'smallint' ? Number(value) : value;
}

/**
 * Defines a read model: one table in schema `read` (created with {@link readTable}), filled by a pure fold. Each
 * version has a table of its own, which the engine creates: `orders_v3`. Queries that use `options.table` read that
 * one.
 *
 * @param options.events the events that it may handle, for their types.
 * @param options.on a handler for each event that matters: pure, from the event to changes of rows.
 * @param options.every a handler for all other events, including those of other domains and of processes.
 * @param options.history also keeps the former versions of rows, in the table's `historyTable`. They can be looked up
 *   by time and by version. If the read model has been filled before, raise `version` with it.
 * @param options.personal whose personal data its rows have, and in which columns. With `AUDIT_READS`, reads of these are recorded.
 * @param options.version default: 1. Raise it when the fold or the table changes.
 */
export function defineProjection<Table extends PgTable, Events extends EventTypes>(
  name: string,
  options: {
    readonly table: Table;
    readonly events?: Events;
    readonly on?: Handlers<RowOf<Table>, Events>;
    readonly every?: HandlerOfAll<RowOf<Table>>;
    readonly visibleTo: VisibleTo<RowOf<Table>>;
    readonly personal?: PersonalColumns<RowOf<Table>> & { readonly columns: readonly (keyof RowOf<Table> & string)[] };
    readonly version?: number;
    readonly history?: boolean;
    readonly description?: string;
  },
): Projection<Table> {
  const key = keyColumns(name, options.table);
  const handlers = new Map(Object.entries(options.on ?? {})) as unknown as Map<string, AnyHandler>;
  if (handlers.size === 0 && !options.every) {
    const sentence = `Projection ${name} handles no event, so that its table would stay empty. Write a handler for each event that matters: on: { … }.`;
    throw new DefinitionError('NOTHING_HANDLED', { projection: name }, sentence);
  }
  const history = historyFor(name, options.table, options.history ?? false);
  const { version = 1 } = options;
  refuseMalformedVersion(`Projection ${name}`, 'version', version);
  assignTable(options.table, { name, version });
  if (history) assignTable(history, { name, version });
  return {
    name,
    checkpoint: checkpointId('projection', name, version),
    description: options.description,
    table: options.table,
    history,
    version,
    visibleTo: options.visibleTo,
    personal: options.personal as PersonalColumns | undefined,
    handlers,
    every: options.every as AnyHandler | undefined,
    key,
  };
}

/** Declaring only half of it would leave the read model without history, or without the columns for it. */
function historyFor(name: string, table: PgTable, isKept: boolean): HistoryTable | undefined {
  const history = historyOf(table);
  if (isKept === (history !== undefined)) return history;
  const { name: tableName } = getTableConfig(table);
  throw new DefinitionError(
    'HISTORY_INCOMPLETE',
    { projection: name, table: tableName },
    isKept
      ? `Projection ${name}: history needs a table; make ${tableName} with { history: true } and export historyTable(…) of it.`
      : `Projection ${name}: its table ${tableName} has a history table; say history: true.`,
  );
}

function keyColumns(name: string, table: PgTable): KeyColumn[] {
  const config = getTableConfig(table);
  const columns = config.primaryKeys[0]?.columns ?? config.columns.filter((column) => column.primary);
  if (columns.length === 0) {
    const sentence = `Projection ${name}: its table ${config.name} has no primary key. Declare one: .primaryKey() on a column, or primaryKey({ columns: […] }).`;
    throw new DefinitionError('KEY_UNSUPPORTED', { projection: name, table: config.name }, sentence);
  }
  const properties = Object.entries(getTableColumns(table));
  return columns.map(({ name: columnName }) => {
    // Compared by name: the columns in `primaryKey` are copies of the table's.
    const found = properties.find(([, { name }]) => name === columnName);
    if (!found) {
      const sentence = `Projection ${name}: the key column ${columnName} is not a property of its table.`;
      throw new DefinitionError('KEY_UNSUPPORTED', { projection: name, column: columnName }, sentence);
    }
    const [property, column] = found;
    return { property, column };
  });
}
