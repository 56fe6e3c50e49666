import { getTableName } from 'drizzle-orm';
import { getTableConfig, type Index, type PgTable, type PrimaryKey, type UniqueConstraint } from 'drizzle-orm/pg-core';
import { declaredName, fitting, ownerOf, versionedName } from './versioned-table.ts';

/** A name that Postgres keeps in the one namespace that the tables and indexes of a schema share. */
export interface PartName {
  /** The same for all versions of a read model. */
  readonly declared: string;
  /** The name for this version. Names that differ as declared differ in all versions. */
  readonly stored: string;
}

/** The name that an author gives to an index or a constraint. */
export function givenName(table: PgTable, name: string): PartName {
  const version = ownerOf(table)?.version;
  return { declared: name, stored: version === undefined ? fitting(name) : versionedName(name, version) };
}

/** The name of an index or a constraint without a given one. */
function derivedName(table: PgTable, ending: string): PartName {
  return { declared: `${declaredName(table)}_${ending}`, stored: fitting(`${getTableName(table)}_${ending}`) };
}

/** The name of a primary key. */
export function keyName(table: PgTable, { name, columns }: PrimaryKey): PartName {
  return name === undefined ? derivedName(table, `${namesOf(columns)}_pk`) : givenName(table, name);
}

/** The name of a unique constraint. */
export function uniqueName(table: PgTable, { name, columns }: UniqueConstraint): PartName {
  const ending = `${namesOf(columns)}_unique`;
  // Drizzle derives it from the table's name, in which the version is.
  const isDerived = name === undefined || name === `${getTableName(table)}_${ending}`;
  return isDerived ? derivedName(table, ending) : givenName(table, name);
}

/** The name of an index. */
export function indexName(table: PgTable, { config: { name, columns } }: Index): PartName {
  if (name !== undefined) return givenName(table, name);
  const parts = columns.map((column) => ('name' in column && column.name ? column.name : 'expression'));
  return derivedName(table, `${parts.join('_')}_index`);
}

/** The names of the indexes of a table, those of its keys and unique constraints included. */
export function indexNames(table: PgTable): PartName[] {
  const { columns, primaryKeys, uniqueConstraints, indexes } = getTableConfig(table);
  return [
    ...primaryKeys.map((key) => keyName(table, key)),
    ...columns.flatMap(({ isUnique, uniqueName }) => (isUnique && uniqueName ? [givenName(table, uniqueName)] : [])),
    ...uniqueConstraints.map((unique) => uniqueName(table, unique)),
    ...indexes.map((index) => indexName(table, index)),
  ];
}

function namesOf(columns: readonly { readonly name: string }[]): string {
  return columns.map(({ name }) => name).join('_');
}
