import { sql } from 'drizzle-orm';
import type { Database } from '../../database/client.ts';
import { prepared } from '../../database/driver/drizzle/prepared.ts';
import type { CheckpointId } from '../define/checkpoint-id.ts';
import { erasuresSoFar } from '../define/subjects/subject-erased.ts';
import { FencedError } from './advance.ts';
import { PROCESS } from './leases/instance-id.ts';
import { checkpointColumns, leaseEnd } from './leases/lease-statements.ts';

/** Where a new checkpoint begins. */
export interface CheckpointStart {
  /** Everything up to this position counts as done; default: 0. */
  readonly position?: number;
  /** Default: 1. */
  readonly generation?: number;
  /** The instance that owns its lease from the beginning; none by default. */
  readonly owner?: string | null;
}

export interface Checkpoint extends CheckpointId {
  readonly position: number;
  /** An advance must state it: see the table. */
  readonly generation: number;
  /** The position from which on its table is complete. */
  readonly wholeAt: number;
  /** The instance that owns it; null if there is none. */
  readonly owner: string | null;
  /** host:pid of the owner, or of the last one. */
  readonly ownerProcess: string | null;
  readonly failure: string | null;
  /** The failure is that only newer code can read the next event. */
  readonly isAhead: boolean;
  /** Number of events in a projection's dead letters, or of parked items of a process or effect. */
  readonly deadLetters: number;
}

/** An instance as the owner of a checkpoint. */
export interface CheckpointOwner {
  readonly key: string;
  readonly owner: string;
  /** The generation that the checkpoint must have. */
  readonly generation: number;
}

/** The first event that a consumer has not applied. */
export interface OldestWaiting {
  readonly key: string;
  /** The consumer's position, just before the event. */
  readonly position: number;
  readonly recordedAt: Date;
}

/**
 * Creates a checkpoint if it is missing. Its table is complete when the checkpoint reaches the present end of the log.
 */
export async function createCheckpoint(
  db: Database,
  { key, kind, name, version }: CheckpointId,
  { position = 0, generation = 1, owner = null }: CheckpointStart = {},
): Promise<void> {
  const lease = owner === null ? sql`null, null, null` : sql`${owner}, ${PROCESS}, ${leaseEnd}`;
  await db.execute(sql`
    insert into read.checkpoints (projection, kind, consumer, version, position, generation, whole_at, erasures, owner,
                                  owner_process, lease_until)
    values (${key}, ${kind}, ${name}, ${version}, ${position}, ${generation},
            (select coalesce(max(position), 0) from es.events), ${erasuresSoFar}, ${lease})
    on conflict do nothing`);
}

/** The rows that store how far each consumer of the log is, and which instance owns it. */
export class Checkpoints {
  readonly #db: Database;
  readonly #all: (parameters: Record<string, unknown>) => Promise<Checkpoint[]>;
  readonly #waiting: (parameters: Record<string, unknown>) => Promise<(OldestWaiting & { recorded_ms: number })[]>;

  constructor(db: Database) {
    this.#db = db;
    this.#all = prepared(db, 'checkpoints', sql`select ${checkpointColumns} from read.checkpoints c`);
    this.#waiting = prepared(
      db,
      'checkpoints_waiting',
      sql`select c.projection as key, c.position, (extract(epoch from e.recorded_at)::float8 * 1000) as recorded_ms
          from read.checkpoints c join es.events e on e.position = c.position + 1`,
    );
  }

  /** Creates the checkpoints that are missing. */
  async register(consumers: readonly CheckpointId[]): Promise<void> {
    for (const consumer of consumers) await createCheckpoint(this.#db, consumer);
  }

  /** Creates a checkpoint if it is missing. Calls `start` only in that case. */
  async registerAt(id: CheckpointId, start: () => Promise<CheckpointStart>): Promise<void> {
    const known = await this.#db.execute(sql`select from read.checkpoints where projection = ${id.key}`);
    if (known.length === 0) await createCheckpoint(this.#db, id, await start());
  }

  all(): Promise<Checkpoint[]> {
    return this.#all({});
  }

  /** The first event that has not been applied, for each consumer that is behind. */
  async oldestWaiting(): Promise<OldestWaiting[]> {
    const rows = await this.#waiting({});
    return rows.map(({ key, position, recorded_ms }) => ({
      key,
      position,
      recordedAt: new Date(Math.round(recorded_ms)),
    }));
  }

  /**
   * Stores why a consumer stands still; null if it does not.
   * @throws {FencedError} if another instance owns the checkpoint now: what stops one owner need not stop the next.
   */
  async setFailure(
    { key, owner, generation }: CheckpointOwner,
    { failure, isAhead }: Pick<Checkpoint, 'failure' | 'isAhead'>,
  ): Promise<void> {
    const stored = await this.#db.execute(
      sql`update read.checkpoints set failure = ${failure}, is_ahead = ${isAhead && failure !== null}
          where projection = ${key} and owner = ${owner}::uuid and generation = ${generation} returning projection`,
    );
    if (stored.length === 0) throw new FencedError(key);
  }
}
