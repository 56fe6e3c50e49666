import { getTableColumns } from 'drizzle-orm';
import {
  bigint,
  getTableConfig,
  index,
  jsonb,
  type PgColumnBuilderBase,
  type PgTable,
  primaryKey,
  timestamp,
} from 'drizzle-orm/pg-core';
import { readSchema } from '../../../database/schema/schemas.ts';
import { declaredColumns, isLongColumn, type KeptIn, refuseReserved } from './read-table.ts';
import { declaredName } from './versioned-table.ts';

/**
 * The engine's columns of a former version. Every event that changes a row creates a version of it, which is valid
 * until the next one. The current version is the row itself.
 *
 * The time of a version is when its event occurred, but never before that of the previous version. If several streams
 * change a row, an event with an earlier time may follow one with a later time; then both count from the later time. So
 * the spans `[held_from, held_until)` of a row are contiguous. If several versions have the same time, all but the last
 * have an empty span: they cannot be found by time, only by version.
 *
 * A version does not repeat a long value that an earlier version has: its own column is null, and `keptIn` identifies
 * that version. So a small change of a large row costs a small row here, and reading a version takes at most one more
 * lookup for each long column (see `former-value.ts`).
 */
const versionColumns = {
  /** Position of the event that created it. */
  fromPosition: bigint('from_position', { mode: 'number' }).notNull(),
  /** Position of the event that ended it: another version began, or the row was removed. */
  untilPosition: bigint('until_position', { mode: 'number' }).notNull(),
  validFrom: timestamp('held_from', { precision: 3, withTimezone: true }).notNull(),
  validUntil: timestamp('held_until', { precision: 3, withTimezone: true }).notNull(),
  /** Where the omitted long values are. Null if the version has all of its values itself. */
  keptIn: jsonb('kept_in').$type<KeptIn>(),
};

/** A table of former versions. */
export type HistoryTable = ReturnType<typeof readSchema.table<string, typeof versionColumns>>;

const histories = new WeakMap<PgTable, HistoryTable>();

/**
 * The table for the former versions of a read model's rows: its columns, the span of time in which each version was
 * valid, and the positions of the events that created and ended it. The engine creates it together with the table.
 *
 * ```ts
 * export const loansTable = readTable('loans', { … }, (table) => [ … ], { history: true });
 * export const loansHistory = historyTable(loansTable);
 * ```
 *
 * @param table was created with `{ history: true }`.
 */
export function historyTable(table: PgTable & { readonly validFrom: unknown }): HistoryTable {
  const known = histories.get(table);
  if (known) return known;
  const name = `${declaredName(table)}_history`;
  const own = withoutRules(name, table);
  const config = getTableConfig(table);
  const keys = config.primaryKeys[0]?.columns ?? config.columns.filter((column) => column.primary);
  const property = (column: string) => Object.keys(own).find((candidate) => own[candidate]?.config.name === column);
  const key = keys.map((column) => property(column.name) ?? column.name);
  const history = readSchema.table(name, { ...versionColumns, ...own }, (columns) => {
    const all = columns as typeof columns & Record<string, typeof columns.fromPosition>;
    const keyColumns = key.map((each) => all[each]) as [typeof columns.fromPosition];
    return [
      // A lookup by time finds the first version that ends after it.
      primaryKey({ name: `${name}_pkey`, columns: [...keyColumns, columns.validUntil, columns.fromPosition] }),
      ...(all.version ? [index(`${name}_version`).on(...keyColumns, all.version)] : []),
    ];
  }) as unknown as HistoryTable;
  histories.set(table, history);
  return history;
}

/** The history of a table; undefined if none was declared. */
export function historyOf(table: PgTable): HistoryTable | undefined {
  return histories.get(table);
}

/** The parts of a column builder of Drizzle. Its declarations omit everything but the types. */
interface DrizzleColumnBuilder extends PgColumnBuilderBase {
  readonly config: { readonly name: string; readonly generated?: unknown };
}

/**
 * The declared columns of a table, without keys, defaults and references. Generated ones are omitted. Long ones are
 * nullable, because a version omits values that an earlier one has.
 */
function withoutRules(history: string, table: PgTable): Record<string, DrizzleColumnBuilder> {
  const finished = getTableColumns(table);
  const declared = declaredColumns(table) as Record<string, DrizzleColumnBuilder>;
  refuseReserved(history, declared, versionColumns);
  const copies = Object.entries(declared)
    .filter(([, { config }]) => !config.generated)
    .map(([property, builder]) => {
      const column = finished[property];
      const notNull = column?.notNull === true && (column.primary || !isLongColumn(column));
      const config = { ...builder.config, notNull, primaryKey: false, isUnique: false, uniqueName: undefined };
      const plain = { ...config, hasDefault: false, default: undefined, generatedIdentity: undefined };
      const copy = Object.assign(Object.create(builder), {
        config: plain,
        foreignKeyConfigs: [],
      }) as DrizzleColumnBuilder;
      return [property, copy] as const;
    });
  return Object.fromEntries(copies);
}
