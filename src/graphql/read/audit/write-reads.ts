import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { rootOf } from '../../../database/errors.ts';

/** What one operation, or one message of a subscription, has shown of one row. The names are those of `es.reads`. */
export interface ReadEntry {
  readonly at: string;
  readonly actor: string;
  readonly roles: readonly string[];
  readonly correlation_id: string;
  readonly read_model: string;
  readonly row_key: string;
  /** Whose data it is; null if it is nobody's, or that is not known. */
  readonly subject: string | null;
  readonly fields: string[];
}

/**
 * Writes reads into `es.reads`, in their order. If Postgres refuses one for what it contains, the others are written without it.
 * @returns the errors of those that are refused.
 * @throws if the reads cannot be written for another reason. Some may be written then, and a second call writes them again.
 */
export async function writeReads(db: Database, entries: readonly ReadEntry[]): Promise<unknown[]> {
  if (entries.length === 0) return [];
  try {
    await insert(db, entries);
    return [];
  } catch (error) {
    if (!isOfContent(error)) throw error;
    if (entries.length === 1) return [error];
    const half = Math.ceil(entries.length / 2);
    return [...(await writeReads(db, entries.slice(0, half))), ...(await writeReads(db, entries.slice(half)))];
  }
}

/**
 * True for values that do not fit (SQLSTATE class 22) or are too long (54). What else can be wrong, such as a sequence that a restore has set
 * back, concerns all reads: they wait until it is repaired.
 */
function isOfContent(error: unknown): boolean {
  return /^(22|54)...$/.test(rootOf(error).code);
}

async function insert(db: Database, entries: readonly ReadEntry[]): Promise<void> {
  await db.execute(sql`
    insert into es.reads (at, actor, roles, correlation_id, read_model, row_key, subject, fields)
    select at, actor, roles, correlation_id, read_model, row_key, subject, fields
    from jsonb_to_recordset(${JSON.stringify(entries)}::jsonb) as r(
      at timestamptz, actor text, roles text[], correlation_id text, read_model text, row_key text, subject text, fields text[])`);
}
