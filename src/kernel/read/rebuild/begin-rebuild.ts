import { getTableName, sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { createCheckpoint } from '../../checkpoints/checkpoints.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { dropParkedEvents } from '../dead-letters/dead-letter-store.ts';
import { foldNote } from '../fold-source/fold-check.ts';
import { obstaclesTo } from '../tables/table-parts.ts';
import { tablesOf } from '../tables/tables.ts';
import { type Shadow, type ShadowPurpose, shadowOf } from './shadow.ts';
import { type ShadowRow, shadowRows } from './shadow-checkpoint.ts';
import { createShadowTable, dropShadowTable, hasOtherColumns } from './shadow-ddl.ts';

/** A read model cannot be rebuilt or compared, at least not now. */
export class RebuildError extends Error {
  readonly code: 'REBUILD_REFUSED' | 'VERIFY_UNDER_WAY' | 'VERIFY_FAILED';
  readonly projection: string;

  constructor(code: RebuildError['code'], projection: string, message: string) {
    super(message);
    this.name = 'RebuildError';
    this.code = code;
    this.projection = projection;
  }
}

/** Class of the advisory locks for work on shadows; their second half identifies the projection. */
const LOCK_CLASS = 4651734;

/**
 * Until the end of the transaction, no other process can create, drop or swap in shadows of a projection.
 * @param timeoutMs how long this and every later lock of the transaction may take, in ms.
 */
export async function lockShadows(tx: Database, { checkpoint }: Projection, timeoutMs: number): Promise<void> {
  await tx.execute(sql.raw(`set local lock_timeout = ${timeoutMs}`));
  await tx.execute(sql`select pg_advisory_xact_lock(${LOCK_CLASS}, hashtext(${checkpoint.key}))`);
}

/** How long creating or dropping a shadow waits for locks, in ms. */
const LOCK_TIMEOUT_MS = 5000;

/**
 * Begins to fill a second table next to the live one, or joins a rebuild in progress. Any instance that knows this
 * version of the projection continues it. If the rebuild is for another shape of the table, it begins again.
 *
 * @param db with the rights of the tables' owner.
 * @throws {RebuildError} REBUILD_REFUSED
 */
export function beginRebuild(db: Database, projection: Projection): Promise<'begun' | 'joined'> {
  const shadow = shadowOf(projection, 'rebuild');
  return inTransaction(db, async (tx) => {
    await lockShadows(tx, projection, LOCK_TIMEOUT_MS);
    const row = await shadowRow(tx, shadow);
    await refuseUnfilled(tx, projection);
    // Rows of a tenant are replaced in a table that stays.
    const obstacles = projection.tenant === undefined ? await obstaclesToAll(tx, projection) : [];
    if (obstacles.length > 0)
      throw new RebuildError('REBUILD_REFUSED', projection.name, inTheWay(projection, obstacles));
    if (row && !(await hasOtherColumns(tx, shadow))) return 'joined';
    await createShadow(tx, shadow, null);
    return 'begun';
  });
}

/**
 * Begins a shadow that only this instance fills, to compare it with the live table.
 * @throws {RebuildError} VERIFY_UNDER_WAY if another instance does; REBUILD_REFUSED
 */
export function beginVerify(db: Database, projection: Projection, owner: string): Promise<void> {
  const shadow = shadowOf(projection, 'verify');
  return inTransaction(db, async (tx) => {
    await lockShadows(tx, projection, LOCK_TIMEOUT_MS);
    const row = await shadowRow(tx, shadow);
    await refuseUnfilled(tx, projection);
    if (row?.owner) {
      const message = `Read model ${projection.name} is already being verified by ${row.ownerProcess}; one is enough.`;
      throw new RebuildError('VERIFY_UNDER_WAY', projection.name, message);
    }
    await createShadow(tx, shadow, owner);
  });
}

/** The state of a rebuild: in progress, done, or ended without effect. */
export type RebuildProgress =
  | { readonly kind: 'under way'; readonly row: ShadowRow }
  | { readonly kind: 'done' }
  | { readonly kind: 'cancelled' };

/** @param startedAt when the rebuild was begun; another one may have replaced it. */
export async function rebuildProgress(db: Database, projection: Projection, startedAt: Date): Promise<RebuildProgress> {
  // Read the rebuild's row first: if it is swapped in between, it counts as done.
  const row = await shadowRow(db, shadowOf(projection, 'rebuild'));
  if (row) return { kind: 'under way', row };
  const [live] = await db.execute<{ done: boolean }>(
    sql`select started_at = ${startedAt.toISOString()}::timestamptz as done from read.checkpoints where projection = ${projection.checkpoint.key}`,
  );
  return { kind: live?.done ? 'done' : 'cancelled' };
}

/**
 * Drops a shadow with everything that belongs to it. Its filler detects this.
 * @returns false if there is none.
 */
export function dropShadow(db: Database, projection: Projection, purpose: ShadowPurpose): Promise<boolean> {
  const shadow = shadowOf(projection, purpose);
  return inTransaction(db, async (tx) => {
    await lockShadows(tx, projection, LOCK_TIMEOUT_MS);
    return await removeShadow(tx, shadow);
  });
}

/**
 * Ends a rebuild without effect; the live table stays unchanged.
 * @returns false if there is none.
 */
export function cancelRebuild(db: Database, projection: Projection): Promise<boolean> {
  return dropShadow(db, projection, 'rebuild');
}

/** The obstacles to replacing a projection's tables, in words. */
export async function obstaclesToAll(tx: Database, projection: Projection): Promise<string[]> {
  const obstacles: string[] = [];
  for (const table of tablesOf(projection)) obstacles.push(...(await obstaclesTo(tx, table)));
  return obstacles;
}

/** Why a table cannot be replaced, as a sentence. */
export function inTheWay(projection: Projection, obstacles: readonly string[]): string {
  const { name } = projection;
  const tables = tablesOf(projection).map((table) => `read.${getTableName(table)}`);
  return (
    `Read model ${name} cannot be rebuilt, because its table ${tables.join(' or ')} cannot be replaced: ` +
    `there is ${obstacles.join(', ')}. Remove it, and create it again after the rebuild.`
  );
}

async function shadowRow(tx: Database, { checkpoint }: Shadow): Promise<ShadowRow | undefined> {
  return (await shadowRows(tx)).find(({ key }) => key === checkpoint.key);
}

async function refuseUnfilled(tx: Database, { name, version, checkpoint }: Projection): Promise<void> {
  const [live] = await tx.execute(sql`select from read.checkpoints where projection = ${checkpoint.key}`);
  if (live) return;
  const message = `Read model ${name} (version ${version}) has never been filled here: start the server.`;
  throw new RebuildError('REBUILD_REFUSED', name, message);
}

async function createShadow(tx: Database, shadow: Shadow, owner: string | null): Promise<void> {
  await removeShadow(tx, shadow);
  const hasTenants = shadow.live.tenant !== undefined;
  for (const [table, beside] of shadow.tables) await createShadowTable(tx, table, beside, { hasTenants });
  await createCheckpoint(tx, shadow.checkpoint, { owner });
  // The live table may have been filled by other handlers.
  await tx.execute(foldNote(shadow.projection));
}

async function removeShadow(tx: Database, { checkpoint, tables }: Shadow): Promise<boolean> {
  // Table before checkpoint, like the filler, to avoid deadlocks.
  for (const [, beside] of tables) await dropShadowTable(tx, beside);
  const rows = await tx.execute(sql`delete from read.checkpoints where projection = ${checkpoint.key} returning 1`);
  await dropParkedEvents(tx, checkpoint.key);
  return rows.length > 0;
}

function inTransaction<T>(db: Database, work: (tx: Database) => Promise<T>): Promise<T> {
  return db.transaction((tx) => work(tx as unknown as Database));
}
