import { hostname } from 'node:os';
import { sql } from 'drizzle-orm';
import { type Database, prepared } from '../../database/client.ts';
import type { Projection } from '../define/projection.ts';

/** How long an owner that says nothing keeps its projections, in ms. */
export const LEASE_MS = 5000;

export interface Checkpoint {
  readonly projection: string;
  readonly position: number;
  /** The projection's version that filled the table. */
  readonly version: number;
  /** Whoever moves it has to name it: see the table. */
  readonly generation: number;
  /** Up to here it has to come before its table is whole. */
  readonly wholeAt: number;
  readonly owner: string | null;
  /** host:pid of the owner. */
  readonly ownerProcess: string | null;
  readonly failure: string | null;
}

/** The first event that a projection has not applied. */
export interface OldestWaiting {
  readonly projection: string;
  /** The projection's position, right before it. */
  readonly position: number;
  readonly recordedAt: Date;
}

const columns = sql.raw(
  'projection, position, checkpoints.version, generation, whole_at as "wholeAt", owner, owner_process as "ownerProcess", failure',
);

/** Owners that this process has. */
const livingHere = new Set<string>();

/** The rows that say where each projection stands and who moves it. */
export class Checkpoints {
  readonly #db: Database;
  readonly #all: (parameters: Record<string, unknown>) => Promise<Checkpoint[]>;
  readonly #lease: (parameters: Record<string, unknown>) => Promise<Checkpoint[]>;
  readonly #waiting: (parameters: Record<string, unknown>) => Promise<(OldestWaiting & { recorded_ms: number })[]>;

  constructor(db: Database) {
    this.#db = db;
    this.#all = prepared(db, 'checkpoints', sql`select ${columns} from read.checkpoints`);
    this.#waiting = prepared(
      db,
      'checkpoints_waiting',
      sql`select c.projection, c.position, (extract(epoch from e.recorded_at)::float8 * 1000) as recorded_ms
          from read.checkpoints c join es.events e on e.position = c.position + 1`,
    );
    this.#lease = prepared(
      db,
      'checkpoints_lease',
      sql`update read.checkpoints
          set owner = ${sql.placeholder('owner')}, owner_process = ${sql.placeholder('process')}, lease_until = now() + ${sql.raw(`interval '${LEASE_MS} ms'`)}
          from jsonb_to_recordset(${sql.placeholder('projections')}::jsonb) as asked(name text, version int)
          where projection = asked.name and checkpoints.version = asked.version
            and (owner is null or owner = ${sql.placeholder('owner')} or lease_until < now())
          returning ${columns}`,
    );
  }

  /**
   * Makes the rows of new projections, which are whole when they are where the log is now. One whose version was raised begins
   * again, with an empty table, and is taken from who moves it by the former fold.
   */
  async register(projections: readonly Projection[]): Promise<void> {
    await this.#db.transaction(async (tx) => {
      const head = sql`(select coalesce(max(position), 0) from es.events)`;
      for (const { name, version, table } of projections) {
        await tx.execute(sql`insert into read.checkpoints (projection, version, whole_at) values (${name}, ${version}, ${head})
                             on conflict (projection) do nothing`);
        const outdated = await tx.execute(sql`update read.checkpoints
                                              set position = 0, version = ${version}, generation = generation + 1, whole_at = ${head},
                                                  failure = null, owner = null, lease_until = null
                                              where projection = ${name} and version < ${version} returning 1`);
        if (outdated.length > 0) await tx.delete(table);
      }
    });
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
   * Takes or keeps these projections for an instance, where nobody else has them and the table is of this version; which
   * it now has.
   */
  lease(owner: string, projections: readonly Pick<Projection, 'name' | 'version'>[]): Promise<Checkpoint[]> {
    livingHere.add(owner);
    const asked = projections.map(({ name, version }) => ({ name, version }));
    return this.#lease({ owner, process: `${hostname()}:${process.pid}`, projections: JSON.stringify(asked) });
  }

  /** Gives an instance's projections up, so that another need not wait for the lease to end. */
  async release(owner: string): Promise<void> {
    livingHere.delete(owner);
    await this.#db.execute(
      sql`update read.checkpoints set owner = null, owner_process = null, lease_until = null where owner = ${owner}`,
    );
  }

  /**
   * Ends the leases of processes of this machine that are no more, after a kill. Where another machine has the same name this
   * may end a living one's: then both try, the checkpoint lets one of them through, and the other steps back.
   */
  async releaseDead(): Promise<void> {
    for (const { owner, ownerProcess } of await this.all()) {
      if (owner && ownerProcess && !livingHere.has(owner) && isDead(ownerProcess)) await this.release(owner);
    }
  }

  /** Says why a projection stands still, or with null that it does not. */
  async setFailure(projection: string, failure: string | null): Promise<void> {
    await this.#db.execute(sql`update read.checkpoints set failure = ${failure} where projection = ${projection}`);
  }
}

function isDead(ownerProcess: string): boolean {
  const at = ownerProcess.lastIndexOf(':');
  if (ownerProcess.slice(0, at) !== hostname()) return false;
  const pid = Number(ownerProcess.slice(at + 1));
  // Whoever had this process's number before it, in a container that was started again, is gone.
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
