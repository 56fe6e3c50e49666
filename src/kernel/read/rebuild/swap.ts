import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { rootOf } from '../../../database/errors.ts';
import type { Projection } from '../../define/read-model/projection.ts';
import { adoptParkedEvents } from '../dead-letters/dead-letter-store.ts';
import { listed, tablesOf } from '../tables/tables.ts';
import { inTheWay, lockShadows, obstaclesToAll } from './begin-rebuild.ts';
import type { Shadow } from './shadow.ts';
import { replaceRows, replaceTable } from './shadow-ddl.ts';

/** How a swap ended. Unless it is `done`, nothing was changed. */
export type SwapOutcome =
  | { readonly kind: 'done'; readonly position: number }
  /** A lock was not available in time, or the shadow did not come close enough: try again later. */
  | { readonly kind: 'busy' }
  /** The shadow belongs to another instance, or was dropped. */
  | { readonly kind: 'lost' }
  /** The live table has changed since the shadow was created. */
  | { readonly kind: 'reshaped' }
  /** It is not possible until an operator acts. */
  | { readonly kind: 'refused'; readonly why: string };

/**
 * Called before the transaction of a swap, while nobody has to wait.
 * @param erasures how many erasures the shadow takes into account.
 * @returns what is called in the transaction, when the projection's tables are those of the shadow.
 */
export type BeforeServed = (projection: Projection, erasures: number) => Promise<(tx: Database) => Promise<void>>;

export interface Swap {
  readonly shadow: Shadow;
  /** The instance that fills the shadow, and the generation in which it does. */
  readonly owner: string;
  readonly generation: number;
  /**
   * Resolves to true when the shadow has applied all events up to a position; to false if it will not do so soon. In
   * either case, this instance has stopped writing to it.
   */
  readonly fillTo: (position: number) => Promise<boolean>;
  readonly beforeServed?: BeforeServed;
}

/** How long it waits for a lock, in ms. It is short, because later reads wait behind it. */
const LOCK_TIMEOUT_MS = 200;

/**
 * Replaces the live table, and the table of its history, by those of the shadow, in one transaction. Readers see one or
 * the other, complete and never older than before.
 *
 * First the live table is locked for writers. Then the shadow is filled up to the same position. Reads wait only while
 * the names are exchanged. Locks are taken in the order of writers: the table, then the checkpoint.
 * @param db with the rights of the tables' owner.
 */
export async function swapIn(db: Database, swap: Swap): Promise<SwapOutcome> {
  try {
    const finish = await prepared(db, swap);
    return await db.transaction(async (transaction) => {
      const outcome = await exchange(transaction as unknown as Database, swap, finish);
      if (outcome.kind !== 'done') throw new Undone(outcome);
      return outcome;
    });
  } catch (error) {
    if (error instanceof Undone) return error.outcome;
    const { code, message } = rootOf(error);
    if (code === LOCK_NOT_AVAILABLE || code === DEADLOCK) return { kind: 'busy' };
    if (code === DEPENDENT_OBJECTS) return { kind: 'refused', why: inTheWay(swap.shadow.live, [message]) };
    throw error;
  }
}

const LOCK_NOT_AVAILABLE = '55P03';
const DEADLOCK = '40P01';
const DEPENDENT_OBJECTS = '2BP01';

/** Thrown to roll the transaction back. */
class Undone extends Error {
  readonly outcome: SwapOutcome;

  constructor(outcome: SwapOutcome) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}

async function prepared(db: Database, { shadow, beforeServed }: Swap): Promise<(tx: Database) => Promise<void>> {
  const [row] = await db.execute<{ erasures: number }>(
    sql`select erasures from read.checkpoints where projection = ${shadow.checkpoint.key}`,
  );
  return (row && (await beforeServed?.(shadow.live, row.erasures))) ?? (async () => {});
}

async function exchange(
  tx: Database,
  { shadow, owner, generation, fillTo }: Swap,
  finish: (tx: Database) => Promise<void>,
): Promise<SwapOutcome> {
  const { live: projection, checkpoint } = shadow;
  const { key } = projection.checkpoint;
  const tables = listed(tablesOf(projection));
  await lockShadows(tx, projection, LOCK_TIMEOUT_MS);
  // Rows of a tenant are replaced in a table that stays: its other tenants need not wait, and what depends on it stays too. The
  // writers of this tenant wait for the checkpoint.
  const staysTable = projection.tenant !== undefined;
  const obstacles = staysTable ? [] : await obstaclesToAll(tx, projection);
  if (obstacles.length > 0) return { kind: 'refused', why: inTheWay(projection, obstacles) };

  await tx.execute(sql`lock table ${tables} in ${staysTable ? sql`row exclusive` : sql`share row exclusive`} mode`);
  const [live] = await tx.execute<{ position: number }>(
    sql`select position from read.checkpoints where projection = ${key} for no key update`,
  );
  if (!live) return { kind: 'lost' };
  if (!(await fillTo(live.position))) return { kind: 'busy' };

  if (!staysTable) await tx.execute(sql`lock table ${tables} in access exclusive mode`);
  const [adopted] = await tx.execute<{ position: number; enough: boolean }>(sql`
    with shadow as (
      delete from read.checkpoints
      where projection = ${checkpoint.key} and owner = ${owner} and generation = ${generation}
      returning position, started_at, erasures, fold
    )
    update read.checkpoints live
    set position = shadow.position, started_at = shadow.started_at, updated_at = now(), generation = live.generation + 1,
        whole_at = 0, failure = null, erasures = shadow.erasures, fold = shadow.fold
    from shadow where projection = ${key}
    returning live.position, live.position >= ${live.position} as enough`);
  if (!adopted) return { kind: 'lost' };
  // Postgres may have crashed and lost rows that this instance has written.
  if (!adopted.enough) return { kind: 'busy' };
  for (const [table, beside] of shadow.tables) {
    const replaced = staysTable ? await replaceRows(tx, table, beside) : await replaceTable(tx, table, beside);
    if (!replaced) return { kind: 'reshaped' };
  }
  await finish(tx);
  await adoptParkedEvents(tx, checkpoint.key, key);
  return { kind: 'done', position: adopted.position };
}
