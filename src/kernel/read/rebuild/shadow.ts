import { createHash } from 'node:crypto';
import { getTableColumns, getTableName } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { renamed } from '../../../database/driver/drizzle/table-names.ts';
import { type CheckpointId, checkpointId } from '../../define/checkpoint-id.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { tablesOf } from '../tables/tables.ts';

/** Why a read model is filled a second time, next to the live one. */
export type ShadowPurpose = 'rebuild' | 'verify';

export const SHADOW_PURPOSES: readonly ShadowPurpose[] = ['rebuild', 'verify'];

/** Postgres truncates longer names. This leaves some room for the names of indexes. */
const LONGEST_NAME = 55;

/** Tables of a projection that are filled next to its live ones. They may not exist. */
export interface Shadow {
  readonly purpose: ShadowPurpose;
  /** The projection of this shadow. */
  readonly live: Projection;
  /**
   * The same fold over the shadow's tables, which have the same columns. It has the shadow's checkpoint, whose key is
   * its name.
   */
  readonly projection: Projection;
  readonly checkpoint: CheckpointId;
  /** Each live table with the shadow's table for it. */
  readonly tables: readonly (readonly [live: PgTable, beside: PgTable])[];
}

export function shadowOf(live: Projection, purpose: ShadowPurpose): Shadow {
  const { tenant } = live;
  const beside = <Table extends PgTable>(table: Table) =>
    renamed(table, shadowTableName(getTableName(table), purpose, tenant));
  const checkpoint = checkpointId(purpose, live.name, live.version);
  const table = beside(live.table);
  const columns = getTableColumns(table);
  const projection = {
    ...live,
    name: checkpoint.key,
    checkpoint,
    table,
    history: live.history && beside(live.history),
    key: live.key.map(({ property, column }) => ({ property, column: columns[property] ?? column })),
  };
  const shadows = tablesOf(projection);
  const tables = tablesOf(live).map((each, nth) => [each, shadows[nth] as PgTable] as const);
  return { purpose, live, projection, checkpoint, tables };
}

/**
 * The name of the table beside a live one.
 * @param tenant whose rows it has, if tenants share the live one.
 */
export function shadowTableName(live: string, purpose: ShadowPurpose, tenant?: string): string {
  const name = `${live}__${purpose}`;
  if (tenant === undefined && Buffer.byteLength(name) <= LONGEST_NAME) return name;
  const hash = createHash('sha256')
    .update(tenant === undefined ? live : `${live}\n${tenant}`)
    .digest('hex')
    .slice(0, 12);
  return `${Buffer.from(live).subarray(0, 24).toString().replace(/\W/g, '_')}_${hash}__${purpose}`;
}
