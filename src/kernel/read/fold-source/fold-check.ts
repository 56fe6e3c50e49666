import { getTableName, type SQL, sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { rootOf } from '../../../database/errors.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { fingerprintOf } from './fingerprint.ts';

/**
 * How long storing a fingerprint waits for a lock, in ms; an index that is being built holds one. If the time is over,
 * the fingerprint is stored at the next start.
 */
const LOCK_TIMEOUT_MS = 1000;
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * The projections whose tables were filled by other handlers, although the version is the same: rows of two folds are
 * mixed. A table that is empty or has no fingerprint gets that of its projection.
 *
 * The fingerprint is in the comment of a column of the table, so that it is created and dropped with the table. In a table that tenants
 * share, each has rows that are filled at another time: then it is in the tenant's checkpoint.
 * @param db with the rights of the tables' owner.
 */
export async function changedFolds(db: Database, projections: readonly Projection[]): Promise<Projection[]> {
  const ofTables = await commentsOf(db);
  const ofCheckpoints = await notesOf(db);
  const changed: Projection[] = [];
  for (const projection of projections) {
    const { tenant, table, checkpoint } = projection;
    const comment = tenant === undefined ? ofTables.get(getTableName(table)) : ofCheckpoints.get(checkpoint.key);
    if (comment === commentFor(projection)) continue;
    // The table of another version is about to be replaced.
    if (comment !== undefined && !comment.startsWith(beginningFor(projection))) continue;
    if (comment === undefined || (await isEmpty(db, projection))) await noteFold(db, projection);
    else changed.push(projection);
  }
  return changed;
}

/**
 * Records that a projection's table was filled by its present handlers.
 * @param db with the rights of the tables' owner.
 */
export async function noteFold(db: Database, projection: Projection): Promise<void> {
  try {
    await db.transaction(async (tx) => {
      await tx.execute(sql.raw(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`));
      await tx.execute(foldNote(projection));
    });
  } catch (error) {
    if (rootOf(error).code !== LOCK_NOT_AVAILABLE) throw error;
  }
}

/** The statement that records that a projection's table is filled by its handlers. Its checkpoint exists. */
export function foldNote(projection: Projection): SQL {
  if (projection.tenant !== undefined) {
    return sql`update read.checkpoints set fold = ${commentFor(projection)} where projection = ${projection.checkpoint.key}`;
  }
  return sql`comment on column ${projection.table}.last_position is ${sql.raw(`'${commentFor(projection)}'`)}`;
}

function beginningFor({ version }: Projection): string {
  return `Filled by version ${version}, handlers `;
}

function commentFor(projection: Projection): string {
  return `${beginningFor(projection)}${fingerprintOf(projection)}.`;
}

/** The comments of that column, by the names of the tables. */
async function commentsOf(db: Database): Promise<ReadonlyMap<string, string>> {
  const rows = await db.execute<{ name: string; comment: string }>(sql`
    select c.relname as name, col_description(c.oid, a.attnum) as comment
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attname = 'last_position' and not a.attisdropped
    where n.nspname = 'read' and col_description(c.oid, a.attnum) like 'Filled by version %'`);
  return new Map(rows.map(({ name, comment }) => [name, comment]));
}

/** What the checkpoints of a tenant say, by their keys. */
async function notesOf(db: Database): Promise<ReadonlyMap<string, string>> {
  const rows = await db.execute<{ key: string; fold: string }>(
    sql`select projection as key, fold from read.checkpoints where fold is not null`,
  );
  return new Map(rows.map(({ key, fold }) => [key, fold]));
}

async function isEmpty(db: Database, { table }: Projection): Promise<boolean> {
  const [row] = await db.execute<{ has: boolean }>(sql`select exists (select from ${table}) as has`);
  return row?.has === false;
}

/** The advice about a projection that {@link changedFolds} has returned. */
export function adviceOn({ name, version }: Pick<Projection, 'name' | 'version'>): string {
  return (
    `The handlers of projection ${name} have changed, and its version is still ${version}: rows of both folds are mixed in its table. ` +
    `Write version: ${version + 1} in its definition, and the table is filled again from the log. If the rows are the same, ` +
    `\`projections verify ${name}\` says so, and this warning ends.`
  );
}
