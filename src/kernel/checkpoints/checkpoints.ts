import { sql } from 'drizzle-orm';
import { type Database, prepared } from '../../database/client.ts';
import type { Projection } from '../define/projection.ts';
import { isGone, PROCESS } from './instance-id.ts';
import { checkpointColumns, leaseStatement, type ProjectorPart } from './lease-statement.ts';

export { LEASE_MS } from './lease-statement.ts';

export interface Checkpoint {
  readonly projection: string;
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
  readonly projection: string;
  /** The projection's position, right before it. */
  readonly position: number;
  readonly recordedAt: Date;
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
      sql`select c.projection, c.position, (extract(epoch from e.recorded_at)::float8 * 1000) as recorded_ms
          from read.checkpoints c join es.events e on e.position = c.position + 1`,
    );
    this.#lease = prepared(db, 'checkpoints_lease', leaseStatement);
  }

  /**
   * Makes the rows of new projections, which are whole when they are where the log is now. One whose version was raised is left
   * as it is, to those who know the former version, until it has been rebuilt.
   */
  async register(projections: readonly Projection[]): Promise<void> {
    for (const { name, version } of projections) {
      await this.#db.execute(sql`insert into read.checkpoints (projection, version, whole_at)
                                 values (${name}, ${version}, (select coalesce(max(position), 0) from es.events))
                                 on conflict (projection) do nothing`);
    }
  }

  all(): Promise<Checkpoint[]> {
    return this.#all({});
  }

  /** Of each projection that is behind, what it has not applied for the longest time. */
  async oldestWaiting(): Promise<OldestWaiting[]> {
    const rows = await this.#waiting({});
    return rows.map(({ projection, position, recorded_ms }) => ({
      projection,
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
    projections: readonly Pick<Projection, 'name' | 'version'>[],
    part: Exclude<ProjectorPart, 'off'> = 'on',
  ): Promise<LeasedCheckpoint[]> {
    livingHere.add(owner);
    const asked = projections.map(({ name, version }) => ({ name, version }));
    return this.#lease({
      owner,
      process: PROCESS,
      projections: JSON.stringify(asked),
      spare: part === 'spare',
    });
  }

  /** Gives one projection of an instance up, for those who share. */
  async give(owner: string, projection: string): Promise<void> {
    await this.#db.execute(
      sql`update read.checkpoints set owner = null, owner_process = null, lease_until = now()
          where owner = ${owner} and projection = ${projection}`,
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
  async setFailure(projection: string, failure: string | null): Promise<void> {
    await this.#db.execute(sql`update read.checkpoints set failure = ${failure} where projection = ${projection}`);
  }
}
