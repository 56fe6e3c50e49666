import { type BuildExtraConfigColumns, getTableColumns, getTableName } from 'drizzle-orm';
import {
  bigint,
  jsonb,
  type PgColumn,
  type PgColumnBuilderBase,
  type PgTable,
  type PgTableExtraConfigValue,
  timestamp,
} from 'drizzle-orm/pg-core';
import { readSchema } from '../../../database/schema/schemas.ts';
import { DefinitionError } from '../definition-error.ts';

/** Properties of the columns that the engine adds to every read model; hidden from handlers. */
export const ENGINE_COLUMNS = ['lastPosition', 'staleSince', 'validFrom', 'keptIn'] as const;
export type EngineColumn = (typeof ENGINE_COLUMNS)[number];

/** True for a property that is hidden from handlers. */
export function isEngineColumn(property: string): property is EngineColumn {
  return (ENGINE_COLUMNS as readonly string[]).includes(property);
}

/** Columns that the engine adds to every read model. */
const engineColumns = {
  /** Position of the last event applied to the row, so that a repeated delivery changes nothing. */
  lastPosition: bigint('last_position', { mode: 'number' }).notNull(),
  /** Position of the first event that the row lacks because it is parked in dead letters; null if it lacks none. */
  staleSince: bigint('stale_since', { mode: 'number' }),
} satisfies Partial<Record<EngineColumn, PgColumnBuilderBase>>;

/**
 * For each long column whose value a former version already has, by the column's name in the database: that version,
 * identified by its `held_until` in ms and its `from_position`, as in the primary key of the history table.
 */
export type KeptIn = Readonly<Record<string, readonly [validUntilMs: number, fromPosition: number]>>;

/** Columns that the engine adds if former versions are kept. */
const historyColumns = {
  /** The start of the current version: see `history-table.ts`. Null if it began before history was kept. */
  validFrom: timestamp('held_from', { precision: 3, withTimezone: true }),
  /** The former versions that have long values of the row. Null if there are none. */
  keptIn: jsonb('kept_in').$type<KeptIn>(),
} satisfies Partial<Record<EngineColumn, PgColumnBuilderBase>>;

type EngineColumns = typeof engineColumns;
type HistoryColumns = typeof historyColumns;
type Extra<Name extends string, Columns extends Record<string, PgColumnBuilderBase>> = (
  table: BuildExtraConfigColumns<Name, Columns & EngineColumns, 'pg'>,
) => PgTableExtraConfigValue[];

/** The declarations of tables: a finished table no longer has them. */
const declared = new WeakMap<PgTable, Readonly<Record<string, PgColumnBuilderBase>>>();

/**
 * A table for a read model, in schema `read`. Its primary key is the projection's key. Its instants have millisecond
 * precision (`timestamp('…', { precision: 3, withTimezone: true })`), so that cursors compare exactly in JavaScript.
 * Generated columns (`.generatedAlwaysAs(…)`) are for conditions: they are not part of the rows that are read.
 *
 * @param options.history also keeps the former versions of its rows, in a `historyTable`.
 * @throws {DefinitionError} NAME_RESERVED if a column has the name of one that the engine adds, or the table one that
 *   the engine gives to a version of a table, such as `orders_v3`.
 */
export function readTable<Name extends string, Columns extends Record<string, PgColumnBuilderBase>>(
  name: Name,
  columns: Columns,
  extra: Extra<Name, Columns> | undefined,
  options: { readonly history: true },
): ReturnType<typeof readSchema.table<Name, Columns & EngineColumns & HistoryColumns>>;
export function readTable<Name extends string, Columns extends Record<string, PgColumnBuilderBase>>(
  name: Name,
  columns: Columns,
  extra?: Extra<Name, Columns>,
): ReturnType<typeof readSchema.table<Name, Columns & EngineColumns>>;
export function readTable<Name extends string, Columns extends Record<string, PgColumnBuilderBase>>(
  name: Name,
  columns: Columns,
  extra?: Extra<Name, Columns>,
  options?: { readonly history: true },
) {
  const own = { ...engineColumns, ...(options?.history && historyColumns) };
  refuseVersioned(name);
  refuseReserved(name, columns, own);
  const all = { ...columns, ...own };
  const table = readSchema.table<Name, Columns & EngineColumns>(name, all, extra);
  declared.set(table, columns);
  return table;
}

/** With such a name, a table or what Postgres names after it could be taken for that of another read model. */
function refuseVersioned(table: string): void {
  const [ending] = /_v\d+(?=_|$)/.exec(table) ?? [];
  if (ending === undefined) return;
  const plain = table.replace(ending, '');
  const sentence =
    `The read table ${table} has a name that the engine gives to versions of tables: ${ending} stands for the version. ` +
    `Write readTable('${plain || 'orders'}', …), and raise the version of the projection when its table changes.`;
  throw new DefinitionError('NAME_RESERVED', { table }, sentence);
}

/**
 * Refuses columns with the property or the name in Postgres of a column that the engine adds, which would replace them.
 * @throws {DefinitionError} NAME_RESERVED
 */
export function refuseReserved(
  table: string,
  columns: Readonly<Record<string, PgColumnBuilderBase>>,
  own: Readonly<Record<string, PgColumnBuilderBase>>,
): void {
  const names = new Set(Object.entries(own).map(nameOf));
  const taken = Object.entries(columns).find((column) => column[0] in own || names.has(nameOf(column)));
  if (!taken) return;
  const [property] = taken;
  const sentence = `${table}: the column ${property} is the engine's; give yours another name.`;
  throw new DefinitionError('NAME_RESERVED', { table, column: property }, sentence);
}

/** The name in Postgres: the declared one, or that of the property. Drizzle's types omit the configuration of builders. */
function nameOf([property, column]: readonly [property: string, column: PgColumnBuilderBase]): string {
  return (column as PgColumnBuilderBase & { readonly config: { readonly name: string } }).config.name || property;
}

/**
 * The declared columns of a table by property, without the engine's. @throws {Error} if it was not created with {@link
 * readTable}.
 */
export function declaredColumns(table: PgTable): Readonly<Record<string, PgColumnBuilderBase>> {
  const columns = declared.get(table);
  if (!columns) {
    const name = getTableName(table);
    throw new DefinitionError(
      'NOT_A_READ_TABLE',
      { table: name },
      `The table ${name} is not made with readTable. Write readTable('${name}', …) instead of pgTable.`,
    );
  }
  return columns;
}

/** A row as it is read: without generated columns, with the engine's. */
export type StoredRow<Table extends PgTable> = Pick<
  Table['$inferSelect'],
  keyof Table['$inferSelect'] & keyof Table['$inferInsert']
>;

/** The columns of a row as it is read and written, by property: all but generated ones. */
export function storedColumns(table: PgTable): Record<string, PgColumn> {
  return Object.fromEntries(Object.entries(getTableColumns(table)).filter(([, column]) => !column.generated));
}

/** Types whose values can be long. All others take a few bytes. */
const LONG_TYPE = /^(text|varchar|jsonb?|bytea|xml|tsvector|.*\[\])/;

/** True if values of the column may be so long that storing them again with each version would waste space. */
export function isLongColumn(column: PgColumn): boolean {
  return LONG_TYPE.test(column.getSQLType());
}
