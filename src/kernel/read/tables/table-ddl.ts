import { createHash } from 'node:crypto';
import { is, SQL, sql } from 'drizzle-orm';
import {
  type Check,
  getTableConfig,
  type Index,
  IndexedColumn,
  PgColumn,
  PgDialect,
  PgEnumColumn,
  type PgTable,
  type UniqueConstraint,
} from 'drizzle-orm/pg-core';
import { TENANT_COLUMN } from '../../../database/tenancy/tenant-setting.ts';
import { policyDdl, columnDdl as tenantColumn } from '../../../database/tenancy/tenant-tables.ts';
import { givenName, indexName, keyName, type PartName, uniqueName } from '../../define/read-model/part-names.ts';
import { fitting } from '../../define/read-model/versioned-table.ts';

/** A statement that creates an index, for a table that may be in use. */
export interface IndexDdl {
  /** Name of the index, unique in its schema. It ends with a hash of the definition, so that a changed index is another one. */
  readonly name: string;
  readonly create: string;
  /** Creates it without blocking writers. Not within a transaction. */
  readonly createConcurrently: string;
}

/**
 * Marks an index in its comment as created by the engine. Such an index is dropped if the code no longer declares it;
 * others are left alone.
 */
export const INDEX_MARK = 'Made by Afterwrite.';

/** The statement that marks an index of schema `read`. */
export function markIndex(name: string): string {
  return `comment on index read.${quoted(name)} is '${INDEX_MARK}'`;
}

/** How to create a table: see {@link ddlOf}. */
export interface TableDdl {
  /** Its name in SQL. */
  readonly table: string;
  /** Columns, primary key, unique constraints and checks. */
  readonly create: string;
  /** Confine everybody to the rows of one tenant; none if the table has no tenants. */
  readonly policies: readonly string[];
  /** The other indexes. They are separate because a table is filled much faster without them. */
  readonly indexes: readonly IndexDdl[];
}

/**
 * A read table is declared with something that read tables cannot have, or differs from the table in the database, or
 * cannot be changed now.
 */
export class ReadTableError extends Error {
  readonly code: 'READ_TABLE_UNSUPPORTED' | 'READ_TABLE_CHANGED' | 'READ_TABLE_TAKEN' | 'READ_TABLES_IN_USE';
  /** The table in question; empty if the error concerns all of them. */
  readonly table: string;

  constructor(code: ReadTableError['code'], table: string, sentence: string) {
    super(sentence);
    this.name = 'ReadTableError';
    this.code = code;
    this.table = table;
  }
}

export interface DdlOptions {
  /** The table has rows of many tenants: it gets a column for them, which its keys and indexes begin with. */
  readonly hasTenants?: boolean;
  /** Names its indexes by their order; see {@link ddlOf}. */
  readonly indexNames?: (nth: number) => string;
}

/**
 * The statements that create a table as it is declared with Drizzle: columns with defaults and generated values, keys,
 * checks and indexes of every kind. Indexes and constraints are named by version, like the table.
 *
 * @param options.indexNames names its indexes by their order instead of as declared; names of constraints are then left to
 *   Postgres. This is for a copy next to the table, because Postgres has one namespace for each schema.
 * @throws {ReadTableError} READ_TABLE_UNSUPPORTED for foreign keys, row security and enum types. Read models are filled
 *   independently of each other and rebuilt at any time, so a reference cannot hold; and an enum type would outlive its
 *   table.
 */
export function ddlOf(table: PgTable, { hasTenants = false, indexNames }: DdlOptions = {}): TableDdl {
  const config = getTableConfig(table);
  refuseUnsupported(config);
  if (hasTenants && config.columns.some(({ name }) => name === TENANT_COLUMN)) {
    const why = `has a column ${TENANT_COLUMN}. Tables that tenants share get one from the engine: leave yours out, or choose another name.`;
    throw unsupported(config.name, why);
  }
  const inTenant = hasTenants ? [{ name: TENANT_COLUMN }] : [];
  const { name, schema, columns, primaryKeys, uniqueConstraints, checks, indexes } = config;
  const target = `${quoted(schema ?? 'public')}.${quoted(name)}`;
  const constraint = (own: PartName | undefined) =>
    indexNames || own === undefined ? '' : `constraint ${quoted(own.stored)} `;
  const [primaryKey] = primaryKeys;
  const key = primaryKey?.columns ?? columns.filter((column) => column.primary);
  const uniques = [
    ...columns.filter((column) => column.isUnique).map((column) => uniqueOf(table, column, inTenant)),
    ...uniqueConstraints.map((unique) => constraintOf(table, unique, inTenant)),
  ];
  const lines = [
    ...(hasTenants ? [tenantColumn] : []),
    ...columns.map(columnDdl),
    ...(key.length > 0
      ? [`${constraint(primaryKey && keyName(table, primaryKey))}primary key (${listed([...inTenant, ...key])})`]
      : []),
    ...uniques.map((unique) => `${constraint(unique.name)}${unique.definition}`),
    ...checks.map(({ name: own, value }: Check) => `${constraint(givenName(table, own))}check (${textOf(value)})`),
  ];
  return {
    table: target,
    create: `create table ${target} (\n  ${lines.join(',\n  ')}\n)`,
    policies: hasTenants ? policyDdl(target) : [],
    indexes: indexes.map((index, nth) => indexDdl(table, index, target, inTenant, indexNames?.(nth))),
  };
}

type TableConfig = ReturnType<typeof getTableConfig>;

function refuseUnsupported({ name, columns, foreignKeys, policies, enableRLS }: TableConfig): void {
  if (foreignKeys.length > 0) {
    throw unsupported(
      name,
      'refers to another table. Read models are filled independently of each other: keep the id and leave references() out.',
    );
  }
  if (enableRLS || policies.length > 0) {
    throw unsupported(name, 'has row level security. Say who may see which rows with visibleTo.');
  }
  const ofEnum = columns.find((column) => is(column, PgEnumColumn));
  if (ofEnum) {
    throw unsupported(
      name,
      `has the column ${ofEnum.name} of an enum type of Postgres. Write text('${ofEnum.name}').$type<'A' | 'B'>() instead.`,
    );
  }
}

function unsupported(table: string, sentence: string): ReadTableError {
  return new ReadTableError('READ_TABLE_UNSUPPORTED', table, `The read table ${table} ${sentence}`);
}

function columnDdl(column: PgColumn): string {
  const parts = [quoted(column.name), column.getSQLType()];
  if (column.generated) parts.push(`generated always as (${generatedText(column.generated.as)}) stored`);
  else if (column.generatedIdentity) parts.push(identityDdl(column.generatedIdentity));
  else if (column.default !== undefined) parts.push(`default ${textOf(defaultOf(column))}`);
  if (column.notNull) parts.push('not null');
  return parts.join(' ');
}

function defaultOf(column: PgColumn): SQL {
  const value: unknown = column.default;
  return is(value, SQL) ? value : sql`${sql.param(value, column)}`;
}

function generatedText(as: unknown): string {
  const value = typeof as === 'function' ? as() : as;
  return textOf(value as SQL);
}

function identityDdl({ type, sequenceOptions }: NonNullable<PgColumn['generatedIdentity']>): string {
  const { startWith, increment, minValue, maxValue, cache, cycle } = sequenceOptions ?? {};
  const options = [
    ...(startWith === undefined ? [] : [`start with ${startWith}`]),
    ...(increment === undefined ? [] : [`increment by ${increment}`]),
    ...(minValue === undefined ? [] : [`minvalue ${minValue}`]),
    ...(maxValue === undefined ? [] : [`maxvalue ${maxValue}`]),
    ...(cache === undefined ? [] : [`cache ${cache}`]),
    ...(cycle ? ['cycle'] : []),
  ];
  const list = options.length > 0 ? ` (${options.join(' ')})` : '';
  return `generated ${type === 'always' ? 'always' : 'by default'} as identity${list}`;
}

interface NamedColumn {
  readonly name: string;
}

interface Unique {
  readonly name: PartName;
  readonly definition: string;
}

function uniqueOf(
  table: PgTable,
  { name, uniqueName: given = `${name}_unique`, uniqueType }: PgColumn,
  inTenant: readonly NamedColumn[],
): Unique {
  return {
    name: givenName(table, given),
    definition: `unique ${uniqueType === 'not distinct' ? 'nulls not distinct ' : ''}(${listed([...inTenant, { name }])})`,
  };
}

function constraintOf(table: PgTable, unique: UniqueConstraint, inTenant: readonly NamedColumn[]): Unique {
  return {
    name: uniqueName(table, unique),
    definition: `unique ${unique.nullsNotDistinct ? 'nulls not distinct ' : ''}(${listed([...inTenant, ...unique.columns])})`,
  };
}

function indexDdl(
  table: PgTable,
  index: Index,
  target: string,
  inTenant: readonly NamedColumn[],
  given: string | undefined,
): IndexDdl {
  const { columns, method, where, with: options, unique, only } = index.config;
  const settings = Object.entries(options ?? {}).map(([key, value]) => `${key} = ${value}`);
  // Other methods cannot have the column without an extension. Postgres filters what they find.
  const parts =
    (method ?? 'btree') === 'btree'
      ? [...inTenant.map(({ name }) => quoted(name)), ...columns.map(partDdl)]
      : columns.map(partDdl);
  const what = [
    `on ${only ? 'only ' : ''}${target} using ${method ?? 'btree'} (${parts.join(', ')})`,
    ...(settings.length > 0 ? [`with (${settings.join(', ')})`] : []),
    ...(where ? [`where ${textOf(where)}`] : []),
  ].join(' ');
  const kind = unique ? 'unique index' : 'index';
  const hash = createHash('sha256').update(`${kind} ${what}`).digest('hex').slice(0, 8);
  const name = given ?? fitting(indexName(table, index).stored, `_${hash}`);
  return {
    name,
    create: `create ${kind} ${quoted(name)} ${what}`,
    createConcurrently: `create ${kind} concurrently ${quoted(name)} ${what}`,
  };
}

/**
 * A column or an expression of an index, with its order. An expression is used unchanged, because it may contain an
 * order itself.
 */
function partDdl(part: Index['config']['columns'][number]): string {
  if (!is(part, IndexedColumn)) return is(part, PgColumn) ? quoted(part.name) : textOf(part as SQL);
  const { order, nulls, opClass } = part.indexConfig as {
    order?: 'asc' | 'desc';
    nulls?: 'first' | 'last';
    opClass?: string;
  };
  return [
    quoted(part.name ?? ''),
    ...(opClass ? [opClass] : []),
    // Drizzle gives every column an order. The defaults of Postgres are omitted.
    ...(order === 'desc' ? ['desc'] : []),
    ...(nulls && nulls !== (order === 'desc' ? 'first' : 'last') ? [`nulls ${nulls}`] : []),
  ].join(' ');
}

const dialect = new PgDialect();

/** As text without parameters, with columns by their names alone: DDL takes neither parameters nor other tables. */
function textOf(expression: SQL): string {
  return dialect.sqlToQuery(sql`${expression}`.inlineParams(), 'indexes').sql;
}

function listed(columns: readonly NamedColumn[]): string {
  return columns.map(({ name }) => quoted(name)).join(', ');
}

/** A quoted name for SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
