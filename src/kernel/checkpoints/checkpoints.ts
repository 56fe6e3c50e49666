import { type SQL, sql } from 'drizzle-orm';
import { type Database, prepared } from '../../database/client.ts';
import type { CheckpointId, Consumer } from './checkpoint-id.ts';
import { isGone, PROCESS } from './instance-id.ts';
import { checkpointColumns, LEASE_MS, leaseStatement, type ProjectorPart } from './lease-statement.ts';

/** Where a new checkpoint begins. */
export interface CheckpointStart {
  /** The consumer's version. */
  readonly version: number;
  /** Everything up to here counts as done; 0 unless given. */
  readonly position?: number;
  /** 1 unless given. */
  readonly generation?: number;
  /** The instance that has its lease from the beginning; nobody unless given. */
  readonly owner?: string | null;
}

export interface Checkpoint extends CheckpointId {
  readonly position: number;
  /** The projection's version that filled the table. */
  readonly version: number;
  /** Whoever moves it has to name it: see the table. */
  readonly generation: number;
  /** Up to here it has to come before its table is whole. */
  readonly wholeAt: number;
  /** The instance that moves it; null where nobody does. */
  readonly owner: string | null;
  /** host:pid of the owner, or of the last one. */
  readonly ownerProcess: string | null;
  readonly failure: string | null;
  /** Events that wait in its dead letters; of processes and effects what is parked. */
  readonly deadLetters: number;
}

/** A checkpoint as an instance finds it that has just renewed its leases. */
export interface LeasedCheckpoint extends Checkpoint {
  /** That instance moves it. */
  readonly isOurs: boolean;
  /** It is ours, and another instance that is able to move it has fewer. */
  readonly isWanted: boolean;
}

/** The first event that a projection has not applied. */
export interface OldestWaiting {
  readonly key: string;
  /** The projection's position, right before it. */
  readonly position: number;
  readonly recordedAt: Date;
}

/** When a lease that is taken now ends. */
export const leaseEnd: SQL = sql.raw(`now() + interval '${LEASE_MS} ms'`);

/** Makes a checkpoint unless it is there. It is whole when it is where the log ends now. */
export async function createCheckpoint(
  db: Database,
  { key, kind, name }: CheckpointId,
  { version, position = 0, generation = 1, owner = null }: CheckpointStart,
): Promise<void> {
  const lease = owner === null ? sql`null, null, null` : sql`${owner}, ${PROCESS}, ${leaseEnd}`;
  await db.execute(sql`
    insert into read.checkpoints (projection, kind, consumer, version, position, generation, whole_at, owner, owner_process, lease_until)
    values (${key}, ${kind}, ${name}, ${version}, ${position}, ${generation},
            (select coalesce(max(position), 0) from es.events), ${lease})
    on conflict do nothing`);
}

/** Owners that this process has. */
const livingHere = new Set<string>();

/** The rows that say where each projection stands and who moves it. */
export class Checkpoints {
  readonly #db: Database;
  readonly #all: (parameters: Record<string, unknown>) => Promise<Checkpoint[]>;
  readonly #lease: (parameters: Record<string, unknown>) => Promise<LeasedCheckpoint[]>;
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
    this.#lease = prepared(db, 'checkpoints_lease', leaseStatement);
  }

  /**
   * Makes the checkpoints that are missing. One of a former version stays as it is, for those who know that version, until the
   * read model has been rebuilt.
   */
  async register(consumers: readonly Consumer[]): Promise<void> {
    for (const consumer of consumers) await createCheckpoint(this.#db, consumer, consumer);
  }

  /** Makes a checkpoint unless it is there. `start` is only worked out if it is not. */
  async registerAt(id: CheckpointId, start: () => Promise<CheckpointStart>): Promise<void> {
    const known = await this.#db.execute(sql`select from read.checkpoints where projection = ${id.key}`);
    if (known.length === 0) await createCheckpoint(this.#db, id, await start());
  }

  all(): Promise<Checkpoint[]> {
    return this.#all({});
  }

  /** Of each projection that is behind, what it has not applied for the longest time. */
  async oldestWaiting(): Promise<OldestWaiting[]> {
    const rows = await this.#waiting({});
    return rows.map(({ key, position, recorded_ms }) => ({
      key,
      position,
      recordedAt: new Date(Math.round(recorded_ms)),
    }));
  }

  /**
   * Renews what an instance has of these projections, takes what is free and its to take, where the table is of the version
   * named, and says that the instance lives. Answers all checkpoints, also those of others and of other projections.
   */
  lease(
    owner: string,
    consumers: readonly Pick<Consumer, 'key' | 'version'>[],
    part: Exclude<ProjectorPart, 'off'> = 'on',
  ): Promise<LeasedCheckpoint[]> {
    livingHere.add(owner);
    const asked = consumers.map(({ key, version }) => ({ name: key, version }));
    return this.#lease({
      owner,
      process: PROCESS,
      projections: JSON.stringify(asked),
      spare: part === 'spare',
    });
  }

  /** Gives one checkpoint of an instance up, for those who share. */
  async give(owner: string, key: string): Promise<void> {
    await this.#db.execute(
      sql`update read.checkpoints set owner = null, owner_process = null, lease_until = now()
          where owner = ${owner} and projection = ${key}`,
    );
  }

  /** Gives all of an instance's projections up and says that it is gone, so that others need not wait for its leases to end. */
  async release(owner: string): Promise<void> {
    livingHere.delete(owner);
    await this.#db.execute(sql`
      with gone as (delete from read.instances where id = ${owner})
      update read.checkpoints set owner = null, owner_process = null, lease_until = now() where owner = ${owner}`);
  }

  /**
   * Ends the leases of processes of this machine, or container, that are no more, after a kill.
   * @param checkpoints as they were just looked at; looks itself where there are none.
   * @returns true where there was one.
   */
  async releaseDead(checkpoints?: readonly Checkpoint[]): Promise<boolean> {
    const dead = new Set<string>();
    for (const { owner, ownerProcess } of checkpoints ?? (await this.all())) {
      if (owner && ownerProcess && !livingHere.has(owner) && isGone(owner, ownerProcess)) dead.add(owner);
    }
    for (const owner of dead) await this.release(owner);
    return dead.size > 0;
  }

  /** Says why a projection stands still, or with null that it does not. */
  async setFailure(key: string, failure: string | null): Promise<void> {
    await this.#db.execute(sql`update read.checkpoints set failure = ${failure} where projection = ${key}`);
  }
}
