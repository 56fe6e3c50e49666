import { getTableName, sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { checkpointId } from '../../checkpoints/checkpoint-id.ts';
import { createCheckpoint } from '../../checkpoints/checkpoints.ts';
import type { Projection } from '../../define/projection.ts';
import { dropLetters } from '../dead-letters/dead-letter-store.ts';
import { obstaclesTo } from '../verify/table-shape.ts';
import { type ShadowPurpose, shadowOf, tablePairs, tablesOf } from './shadow.ts';
import { type ShadowRow, shadowRows } from './shadow-checkpoint.ts';
import { createShadowTable, dropShadowTable, hasOtherColumns } from './shadow-ddl.ts';

/** A read model cannot be made again or compared, or not now. */
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

/** Advisory locks on what is done to shadows have this class; their second half is the projection. */
const LOCK_CLASS = 4651734;

/**
 * One at a time makes, drops or swaps in shadows of a projection; until the transaction's end.
 * @param timeoutMs how long this and every later lock of the transaction may take.
 */
export async function lockShadows(tx: Database, projection: string, timeoutMs: number): Promise<void> {
  await tx.execute(sql.raw(`set local lock_timeout = ${timeoutMs}`));
  await tx.execute(sql`select pg_advisory_xact_lock(${LOCK_CLASS}, hashtext(${projection}))`);
}

/** How long making or dropping a shadow waits for locks, in ms. */
const LOCK_TIMEOUT_MS = 5000;

/**
 * Begins to fill a table beside the live one, or joins where that is under way; whichever instance knows the projection in
 * this version goes on with it. What is under way of an older version, or of another shape of the table, begins anew.
 *
 * @param db with the rights of the tables' owner.
 * @throws {RebuildError} REBUILD_REFUSED
 */
export function beginRebuild(db: Database, projection: Projection): Promise<'begun' | 'joined'> {
  return inTransaction(db, async (tx) => {
    await lockShadows(tx, projection.name, LOCK_TIMEOUT_MS);
    const row = await shadowRow(tx, projection, 'rebuild');
    await refuseNewer(tx, projection, row);
    const obstacles = await obstaclesToAll(tx, projection);
    if (obstacles.length > 0)
      throw new RebuildError('REBUILD_REFUSED', projection.name, inTheWay(projection, obstacles));
    if (row?.version === projection.version) {
      if (!(await hasOtherColumns(tx, projection, shadowOf(projection, 'rebuild')))) return 'joined';
    }
    await createShadow(tx, projection, 'rebuild', null);
    return 'begun';
  });
}

/**
 * Begins a shadow that only this instance fills, to compare it with the live table.
 * @throws {RebuildError} VERIFY_UNDER_WAY where somebody else does; REBUILD_REFUSED
 */
export function beginVerify(db: Database, projection: Projection, owner: string): Promise<ShadowRow> {
  return inTransaction(db, async (tx) => {
    await lockShadows(tx, projection.name, LOCK_TIMEOUT_MS);
    const row = await shadowRow(tx, projection, 'verify');
    await refuseNewer(tx, projection, undefined);
    if (row?.owner) {
      const message = `Read model ${projection.name} is being verified already, by ${row.ownerProcess}; one is enough.`;
      throw new RebuildError('VERIFY_UNDER_WAY', projection.name, message);
    }
    await createShadow(tx, projection, 'verify', owner);
    return (await shadowRow(tx, projection, 'verify')) as ShadowRow;
  });
}

/** Where a rebuild is that was under way: so far, done, or gone without effect. */
export type RebuildProgress =
  | { readonly kind: 'under way'; readonly row: ShadowRow }
  | { readonly kind: 'done' }
  | { readonly kind: 'cancelled' };

/** @param startedAt of the rebuild that is asked for; another one may have come in its place. */
export async function rebuildProgress(db: Database, projection: string, startedAt: Date): Promise<RebuildProgress> {
  // The rebuild first: one that is swapped in between is seen as done.
  const row = (await shadowRows(db, projection)).find(({ purpose }) => purpose === 'rebuild');
  if (row) return { kind: 'under way', row };
  const [live] = await db.execute<{ done: boolean }>(
    sql`select started_at = ${startedAt.toISOString()}::timestamptz as done from read.checkpoints where projection = ${projection}`,
  );
  return { kind: live?.done ? 'done' : 'cancelled' };
}

/** Drops a shadow with all that belongs to it; who fills it finds that it is gone. False where there is none. */
export function dropShadow(db: Database, projection: Projection, purpose: ShadowPurpose): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    await lockShadows(tx, projection.name, LOCK_TIMEOUT_MS);
    return await removeShadow(tx, projection, purpose);
  });
}

/** Ends a rebuild without effect; the live table stays as it is. False where none is under way. */
export function cancelRebuild(db: Database, projection: Projection): Promise<boolean> {
  return dropShadow(db, projection, 'rebuild');
}

/** What keeps a projection's tables from being replaced, in words. */
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
    `there is ${obstacles.join(', ')}. Remove what is in the way and make it again afterwards.`
  );
}

async function shadowRow(tx: Database, { name }: Projection, purpose: ShadowPurpose): Promise<ShadowRow | undefined> {
  return (await shadowRows(tx, name)).find((row) => row.purpose === purpose);
}

async function refuseNewer(tx: Database, projection: Projection, shadow: ShadowRow | undefined): Promise<void> {
  const { name, version } = projection;
  const [live] = await tx.execute<{ version: number }>(
    sql`select version from read.checkpoints where projection = ${name}`,
  );
  if (!live) {
    throw new RebuildError('REBUILD_REFUSED', name, `Read model ${name} has never been filled here: start the server.`);
  }
  const newest = Math.max(live.version, shadow?.version ?? 0);
  if (newest > version) {
    const message = `Read model ${name} is at version ${newest} by newer code than this, which knows version ${version}.`;
    throw new RebuildError('REBUILD_REFUSED', name, message);
  }
}

async function createShadow(
  tx: Database,
  projection: Projection,
  purpose: ShadowPurpose,
  owner: string | null,
): Promise<void> {
  await removeShadow(tx, projection, purpose);
  const shadow = shadowOf(projection, purpose);
  for (const [table, beside] of tablePairs(projection, shadow)) await createShadowTable(tx, table, beside);
  await createCheckpoint(tx, checkpointId(purpose, projection.name), { version: projection.version, owner });
}

async function removeShadow(tx: Database, projection: Projection, purpose: ShadowPurpose): Promise<boolean> {
  const shadow = shadowOf(projection, purpose);
  // Table before checkpoint, as who fills it takes its locks.
  for (const table of tablesOf(shadow)) await dropShadowTable(tx, table);
  const rows = await tx.execute(sql`delete from read.checkpoints where projection = ${shadow.name} returning 1`);
  await dropLetters(tx, shadow.name);
  return rows.length > 0;
}

function inTransaction<T>(db: Database, work: (tx: Database) => Promise<T>): Promise<T> {
  return db.transaction((tx) => work(tx as unknown as Database));
}
