import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { rootOf } from '../../../database/errors.ts';
import { acrossTenants, forcedTables } from '../../../database/tenancy/tenant-tables.ts';
import { type CheckpointId, checkpointId } from '../../define/checkpoint-id.ts';
import { dropVersion } from './catalogue.ts';
import { TABLES_LOCK } from './ensure-tables.ts';

/** How long it waits for a lock, in ms. A table that is being read is dropped another time. */
const LOCK_TIMEOUT_MS = 1000;
const LOCK_NOT_AVAILABLE = '55P03';
const DEPENDENT_OBJECTS = '2BP01';

export interface PruneParts {
  /** With the rights of the tables' owner. Used only if there is something to drop. */
  readonly db: Database;
  /** Finds what there is to drop; `db` unless given. */
  readonly reader?: Database;
  /** Keys of versions that stay, whether they are used or not: those of this code. */
  readonly own: ReadonlySet<string>;
  /** How long versions stay after they were last used, in ms. */
  readonly keepMs: number;
}

/** The outcome for a version that no live process uses. */
export interface Pruned {
  readonly version: CheckpointId;
  /** Why it stays; null if it was dropped. */
  readonly kept: string | null;
  /** Time after which it can be dropped, in ms, if it only has not been unused for long enough; else 0. */
  readonly staysMs: number;
}

/**
 * Drops the versions of read models that no live process has used for a time, with everything that belongs to them. If a process
 * starts using one meanwhile, it stays.
 * @returns one outcome for each version that no live process uses, by name and version.
 */
export async function pruneVersions({ db, reader = db, own, keepMs }: PruneParts): Promise<Pruned[]> {
  const unused = (await unusedVersions(reader)).filter(({ key }) => !own.has(key));
  const pruned: Pruned[] = [];
  for (const { tables: _, idleMs, ...version } of unused) {
    const staysMs = Math.max(0, keepMs - idleMs);
    const kept =
      staysMs > 0 ? `it was in use until ${Math.round(idleMs / 1000)} s ago` : await prune(db, version, keepMs);
    pruned.push({ version, kept, staysMs });
  }
  return pruned;
}

interface Unused extends CheckpointId {
  readonly tables: readonly string[];
  /** Since it was last used, in ms. */
  readonly idleMs: number;
}

async function unusedVersions(db: Database, key?: string): Promise<Unused[]> {
  const only = key === undefined ? sql`` : sql` and m.key = ${key}`;
  const rows = await db.execute<{ name: string; version: number; tables: readonly string[]; idleMs: number }>(sql`
    select name, version, to_jsonb(tables) as tables,
           greatest(0, extract(epoch from clock_timestamp() - used_at))::float8 * 1000 as "idleMs"
    from read.read_models m
    where not exists (select from read.instances where alive_until > clock_timestamp() and m.key = any(uses))${only}
    order by name, version`);
  return rows.map(({ name, version, ...row }) => ({ ...checkpointId('projection', name, version), ...row }));
}

/**
 * Drops one version in a transaction of its own, so that no lock is held for long.
 * @returns why it stays; null if it was dropped.
 */
async function prune(db: Database, { key }: CheckpointId, keepMs: number): Promise<string | null> {
  try {
    return await db.transaction(async (transaction) => {
      const tx = transaction as unknown as Database;
      await tx.execute(sql.raw(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`));
      // A process that starts records under this lock which versions it uses.
      await tx.execute(sql`select pg_advisory_xact_lock(${TABLES_LOCK})`);
      const forced = await forcedTables(tx, ['read.instances']);
      const [unused] = await acrossTenants(tx, forced, () => unusedVersions(tx, key));
      if (!unused || unused.idleMs < keepMs) return 'a process uses it again';
      await dropVersion(tx, unused, unused.tables);
      return null;
    });
  } catch (error) {
    const { code, message } = rootOf(error);
    if (code === LOCK_NOT_AVAILABLE) return 'another session has locked one of its tables';
    if (code === DEPENDENT_OBJECTS) return message;
    throw error;
  }
}

/**
 * Records which versions the live processes use. It waits for nobody: a process that starts may hold these rows while it waits for a
 * table, and `db` also renews leases.
 */
export async function noteUse(db: Database): Promise<void> {
  await db.execute(sql`
    update read.read_models set used_at = clock_timestamp()
    where key in (select key from read.read_models m
                  where exists (select from read.instances where alive_until > clock_timestamp() and m.key = any(uses))
                  for no key update skip locked)`);
}
