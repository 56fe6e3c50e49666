import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { rootOf } from '../../../database/errors.ts';
import { HeldLease } from '../../checkpoints/leases/held-lease.ts';
import type { Leases } from '../../checkpoints/leases/leases.ts';
import { checkpointId } from '../../define/checkpoint-id.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { CommitFeed } from '../../log/commit-feed.ts';
import { LogHead } from '../../log/log-head.ts';
import type { LogReader } from '../../log/log-reader.ts';
import { beginVerify, dropShadow, RebuildError } from '../rebuild/begin-rebuild.ts';
import { cancelWorkOn } from '../rebuild/shadow-ddl.ts';
import { type FillerParts, ShadowFiller } from '../rebuild/shadow-filler.ts';
import { listed, tablesOf } from '../tables/tables.ts';
import { type Comparison, compareHistories, compareTables } from './compare-tables.ts';

/** The comparison of a read model with the fold of the log. */
export interface Verification extends Comparison {
  readonly projection: string;
  /** The comparison of former versions, if history is kept. */
  readonly history: Comparison | undefined;
  /** The position of both tables. */
  readonly position: number;
}

export interface VerifyParts
  extends Pick<FillerParts, 'pools' | 'projection' | 'owner' | 'batchLimit' | 'windowMemory' | 'clock' | 'observer'> {
  readonly leases: Leases;
  /** Ends it when aborted. Its tables are dropped. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the position of the second table, and the position that it has to reach. */
  readonly onProgress?: ((position: number, target: number) => void) | undefined;
}

const UNDEFINED_TABLE = '42P01';
/** Interval of checks, in ms. */
const POLL_MS = 200;
/** How long the live table is locked for writers while both tables reach the same position, in ms. */
const HOLD_MS = 1000;
/** How long it waits for the batch that is being written before it tries again, in ms. */
const LOCK_TIMEOUT_MS = 1000;

/**
 * Fills a second table from the log and compares the live one with it at the same position, while reads and commands
 * continue. The second table is always dropped at the end.
 *
 * @throws {RebuildError} VERIFY_UNDER_WAY, REBUILD_REFUSED, VERIFY_FAILED
 */
export async function verifyProjection(parts: VerifyParts): Promise<Verification> {
  const { pools, projection, leases, owner, signal, observer } = parts;
  signal?.throwIfAborted();
  await beginVerify(pools.owner, projection, owner);
  const lease = await HeldLease.take({
    ...{ leases, instanceId: owner },
    consumer: checkpointId('verify', projection.name, projection.version),
    // The filler ends as soon as its writes are refused.
    onLost: () => undefined,
    observer,
    context: { part: 'verify' },
  });
  if (!lease) throw gone(projection);
  // The second table is filled no further than the live one.
  const end = new LogHead();
  const log: Pick<LogReader, 'read'> = {
    read: (after, limit, wanted) => pools.log.read(after, Math.min(limit, end.position - after), wanted),
  };
  const filler = new ShadowFiller({
    ...{ ...parts, purpose: 'verify', checkpoint: lease.checkpoint },
    ...{ log, feed: new CommitFeed(0), head: end },
  });
  const interrupt = () => {
    for (const [, table] of filler.shadow.tables) cancelWorkOn(pools.owner, table).catch(() => undefined);
  };
  signal?.addEventListener('abort', interrupt, { once: true });
  try {
    for (;;) {
      await fill(parts, filler, end);
      const verified = await compare(parts, filler, end).catch(unlessLocked);
      signal?.throwIfAborted();
      if (verified) return { ...verified, projection: projection.name };
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw rootOf(error).code === UNDEFINED_TABLE ? gone(projection) : error;
  } finally {
    signal?.removeEventListener('abort', interrupt);
    await filler.stop();
    await dropShadow(pools.owner, projection, 'verify').finally(() => lease.release());
  }
}

/** Resolves when the second table is near the live one's position. */
async function fill(
  { pools, projection, signal, batchLimit, onProgress }: VerifyParts,
  filler: ShadowFiller,
  end: LogHead,
) {
  filler.start();
  for (;;) {
    signal?.throwIfAborted();
    const target = await livePosition(pools.projector, projection);
    end.advance(target, undefined);
    filler.wake();
    await filler.reached(target, POLL_MS, signal);
    onProgress?.(filler.position, target);
    if (!filler.isRunning) throw gone(projection);
    if (filler.position >= target - batchLimit) break;
  }
  await pools.owner.execute(sql`analyze ${listed(tablesOf(filler.shadow.projection))}`);
}

/** Compares both at one position; undefined if the second table did not reach it in time. */
async function compare({ pools, projection, signal }: VerifyParts, filler: ShadowFiller, end: LogHead) {
  return await pools.owner.transaction(
    async (transaction) => {
      const view = transaction as unknown as Database;
      // While the checkpoint is locked, the live table does not change: everything that is read from then on is of one
      // position.
      const position = await pools.owner.transaction(async (hold) => {
        await hold.execute(sql.raw(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`));
        const position = await livePosition(hold as unknown as Database, projection, sql`for no key update`);
        end.advance(position, undefined);
        filler.wake();
        if (!(await filler.reached(position, HOLD_MS, signal))) return undefined;
        await filler.stop();
        if (filler.position !== position) throw gone(projection);
        await view.execute(
          sql`lock table ${listed([...tablesOf(projection), ...tablesOf(filler.shadow.projection)])} in access share mode`,
        );
        await view.execute(sql`select from read.checkpoints`);
        return position;
      });
      if (position === undefined) return undefined;
      const rows = await compareTables(view, projection, filler.shadow.projection);
      const history = projection.history && (await compareHistories(view, projection, filler.shadow.projection));
      return { ...rows, history, position };
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  );
}

async function livePosition(db: Database, { name, checkpoint }: Projection, lock = sql``): Promise<number> {
  const [live] = await db.execute<{ position: number }>(
    sql`select position from read.checkpoints where projection = ${checkpoint.key} ${lock}`,
  );
  if (live) return live.position;
  const message = `The checkpoint ${checkpoint.key} of read model ${name} is gone; start the server again.`;
  throw new RebuildError('VERIFY_FAILED', name, message);
}

function gone({ name }: Projection): RebuildError {
  return new RebuildError('VERIFY_FAILED', name, `The table that ${name} was compared with is gone; try again.`);
}

/** Another session holds a lock for too long (lock_not_available): the comparison is tried again. */
function unlessLocked(error: unknown): undefined {
  if (rootOf(error).code !== '55P03') throw error;
}
