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
  readonly owner: string | null;
  readonly failure: string | null;
}

/** The rows that say where each projection stands and who moves it. */
export class Checkpoints {
  readonly #db: Database;
  readonly #all: (parameters: Record<string, unknown>) => Promise<Checkpoint[]>;
  readonly #lease: (parameters: Record<string, unknown>) => Promise<Checkpoint[]>;

  constructor(db: Database) {
    this.#db = db;
    this.#all = prepared(
      db,
      'checkpoints',
      sql`select projection, position, version, owner, failure from read.checkpoints`,
    );
    this.#lease = prepared(
      db,
      'checkpoints_lease',
      sql`update read.checkpoints
          set owner = ${sql.placeholder('owner')}, lease_until = now() + ${sql.raw(`interval '${LEASE_MS} ms'`)}
          where projection = any(array(select jsonb_array_elements_text(${sql.placeholder('projections')}::jsonb)))
            and (owner is null or owner = ${sql.placeholder('owner')} or lease_until < now())
          returning projection, position, version, owner, failure`,
    );
  }

  /**
   * Makes the rows of new projections. One whose version was raised begins again, with an empty table.
   * @returns the names of those that begin again.
   */
  async register(projections: readonly Projection[]): Promise<string[]> {
    return this.#db.transaction(async (tx) => {
      const restarted: string[] = [];
      for (const { name, version, table } of projections) {
        await tx.execute(sql`insert into read.checkpoints (projection, version) values (${name}, ${version})
                             on conflict (projection) do nothing`);
        const outdated =
          await tx.execute(sql`update read.checkpoints set position = 0, version = ${version}, failure = null
                                              where projection = ${name} and version < ${version} returning 1`);
        if (outdated.length === 0) continue;
        await tx.delete(table);
        restarted.push(name);
      }
      return restarted;
    });
  }

  all(): Promise<Checkpoint[]> {
    return this.#all({});
  }

  /** Takes or keeps these projections for an instance, where nobody else has them; which it now has. */
  lease(owner: string, projections: readonly string[]): Promise<Checkpoint[]> {
    return this.#lease({ owner, projections: JSON.stringify(projections) });
  }

  /** Gives an instance's projections up, so that another need not wait for the lease to end. */
  async release(owner: string): Promise<void> {
    await this.#db.execute(sql`update read.checkpoints set owner = null, lease_until = null where owner = ${owner}`);
  }

  /** Says why a projection stands still, or with null that it does not. */
  async setFailure(projection: string, failure: string | null): Promise<void> {
    await this.#db.execute(sql`update read.checkpoints set failure = ${failure} where projection = ${projection}`);
  }
}
