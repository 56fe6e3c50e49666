import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { getTableColumns } from 'drizzle-orm';
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core';
import { isComparedExactly } from '../define/read-model/exact-types.ts';
import type { Projection } from '../define/read-model/projection.ts';
import type { FormerRows, RowFingerprints } from './changed-rows.ts';

/** Longest text of which a fingerprint is told, in UTF-16 units: lists seldom require longer ones. */
const MAX_LENGTH = 64;
/** Length of a fingerprint, in bytes. If two values have the same one, a list is executed once too often. */
const BYTES = 6;

type Model = Pick<Projection, 'name' | 'table'>;

interface TableProperties {
  /** Those whose values are compared exactly. */
  readonly exact: readonly string[];
  readonly uuids: ReadonlySet<string>;
}

/**
 * Makes short keyed hashes of the values of rows (HMAC-SHA-256), which instances tell each other instead of the values.
 * Everybody who may connect to the database may listen to notifications: without the key, a fingerprint tells only that two
 * rows had the same value in a column.
 */
export class Fingerprints {
  /** Identifies the key. Fingerprints of different keys cannot be compared. */
  readonly keyId: string;
  readonly #key: KeyObject;
  readonly #tables = new WeakMap<PgTable, TableProperties>();

  /** @param key known to the instances of one store alone. */
  constructor(key: Buffer) {
    this.#key = createSecretKey(key);
    this.keyId = this.#hash('key');
  }

  /** The fingerprint of a value of a property. It is the same for values that are equal in an exactly compared column. */
  of({ name, table }: Model, property: string, value: unknown): string {
    const text = String(value);
    const isUuid = this.#propertiesOf(table).uuids.has(property);
    return this.#hash(JSON.stringify([name, property, isUuid ? text.toLowerCase() : text]));
  }

  /** What rows are told as: only the properties by which lists can be told apart, and of these only short values. */
  ofRows(model: Model, rows: Iterable<Readonly<Record<string, unknown>>>): FormerRows {
    const { exact } = this.#propertiesOf(model.table);
    return { keyId: this.keyId, rows: Array.from(rows, (row) => this.#ofRow(model, exact, row)) };
  }

  #ofRow(model: Model, properties: readonly string[], row: Readonly<Record<string, unknown>>): RowFingerprints {
    const told: Record<string, string> = {};
    for (const property of properties) {
      const value = row[property];
      if (value === undefined || (typeof value === 'string' && value.length > MAX_LENGTH)) continue;
      told[property] = this.of(model, property, value);
    }
    return told;
  }

  #propertiesOf(table: PgTable): TableProperties {
    let known = this.#tables.get(table);
    if (!known) {
      const columns = Object.entries<PgColumn>(getTableColumns(table));
      const named = (is: (column: PgColumn) => boolean) =>
        columns.filter(([, column]) => is(column)).map(([property]) => property);
      known = { exact: named(isComparedExactly), uuids: new Set(named((column) => column.getSQLType() === 'uuid')) };
      this.#tables.set(table, known);
    }
    return known;
  }

  #hash(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest().toString('base64url', 0, BYTES);
  }
}
