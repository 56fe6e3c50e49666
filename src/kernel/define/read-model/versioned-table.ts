import { createHash } from 'node:crypto';
import { getTableName } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { rename } from '../../../database/driver/drizzle/table-names.ts';
import { DefinitionError } from '../definition-error.ts';

/** Identifies a version of a read model. */
export interface TableOwner {
  readonly name: string;
  readonly version: number;
}

interface VersionedTable extends TableOwner {
  /** The table's name as its author declares it. */
  readonly declared: string;
}

const versioned = new WeakMap<PgTable, VersionedTable>();

/** Postgres truncates longer names, in bytes. */
const LONGEST_NAME = 63;

/**
 * Gives a declared table the name under which a version of a read model is stored: `orders_v3`. From then on, all
 * queries that use the table read that version.
 * @throws {DefinitionError} TABLE_TAKEN if the table belongs to another read model or version.
 */
export function assignTable(table: PgTable, { name, version }: TableOwner): void {
  const present = versioned.get(table);
  if (present?.name === name && present.version === version) return;
  if (present) {
    const { declared } = present;
    const sentence =
      present.name === name
        ? `Projection ${name} has the table ${declared} in version ${present.version} and in version ${version}. Declare a table for each: ` +
          `make them with a function that calls readTable('${declared}', …).`
        : `Projections ${present.name} and ${name} both have the table ${declared}, and would overwrite each other's rows. ` +
          `Declare a table for ${name}: readTable('${name}', …).`;
    throw new DefinitionError('TABLE_TAKEN', { table: declared, projections: [present.name, name] }, sentence);
  }
  const declared = getTableName(table);
  versioned.set(table, { name, version, declared });
  rename(table, versionedName(declared, version));
}

/** The name of a table as its author declares it: `orders`. */
export function declaredName(table: PgTable): string {
  return versioned.get(table)?.declared ?? getTableName(table);
}

/** A name that belongs to one version of a read model, because each version has its own. At most 63 bytes. */
export function versionedName(name: string, version: number): string {
  return fitting(name, `_v${version}`);
}

/** A name with an ending. If it is too long for Postgres, which would truncate it, a hash replaces its end. */
export function fitting(name: string, ending = ''): string {
  if (Buffer.byteLength(name + ending) <= LONGEST_NAME) return name + ending;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  const end = `_${hash}${ending}`;
  return `${cut(name, LONGEST_NAME - end.length)}${end}`;
}

/** The version of a read model that a table belongs to; undefined if it belongs to none. */
export function ownerOf(table: PgTable): TableOwner | undefined {
  return versioned.get(table);
}

/** The longest prefix of a text that has at most this many bytes, in whole characters. */
export function cut(text: string, bytes: number): string {
  let end = text.length;
  while (Buffer.byteLength(text.slice(0, end)) > bytes || !text.slice(0, end).isWellFormed()) end--;
  return text.slice(0, end);
}
