import { sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { arrayText } from '../../../database/column-arrays.ts';
import { prepared } from '../../../database/driver/drizzle/prepared.ts';
import type { CheckpointId } from '../../define/checkpoint-id.ts';
import type { Checkpoint } from '../checkpoints.ts';
import { chooseLeases, type ProjectorRole } from './choose-leases.ts';
import { isGone, PROCESS } from './instance-id.ts';
import { announceStatement, renewStatement, takeStatement } from './lease-statements.ts';

/** A checkpoint as it is after an instance has renewed its leases. */
export interface LeasedCheckpoint extends Checkpoint {
  /** True if that instance owns it. */
  readonly isOurs: boolean;
  /** True if that instance owns it and should give it up for another one. */
  readonly isWanted: boolean;
}

/** A checkpoint after an instance has tried to take it. */
interface Taken extends Checkpoint {
  /** True if the instance owns it. */
  readonly isOurs: boolean;
  /** True if its lease was renewed; false if its row was locked. */
  readonly isRenewed: boolean;
}

interface Renewed extends Omit<LeasedCheckpoint, 'isWanted'> {
  readonly freeForMs: number | null;
  /** In the first row: the other instances that are alive. */
  readonly others: readonly LivingInstance[] | null;
}

interface LivingInstance {
  readonly id: string;
  /** Keys of the consumers that it can own. */
  readonly abilities: readonly string[];
  /** Keys of the consumers whose tables it uses. */
  readonly uses: readonly string[];
}

export interface LeaseOptions {
  /** Active unless given. */
  readonly role?: Exclude<ProjectorRole, 'off'>;
  /** Other keys that the instance announces to use, besides those of the consumers. */
  readonly uses?: readonly string[] | undefined;
  /** Keys of consumers that it owns only if no other instance is able to. */
  readonly reluctant?: ReadonlySet<string>;
}

/** Ids of the instances in this process. */
const livingHere = new Set<string>();

/**
 * The leases of checkpoints, and the only place that takes, renews or ends one. Postgres decides which instance owns a
 * checkpoint; `chooseLeases` computes which one should. No statement waits for a locked row.
 */
export class Leases {
  readonly #db: Database;
  readonly #renew: (parameters: Record<string, unknown>) => Promise<Renewed[]>;
  readonly #announce: (parameters: Record<string, unknown>) => Promise<unknown>;
  readonly #take: (parameters: Record<string, unknown>) => Promise<Taken[]>;
  #isAlone = false;

  constructor(db: Database) {
    this.#db = db;
    this.#renew = prepared(db, 'leases_renew', renewStatement);
    this.#announce = prepared(db, 'leases_announce', announceStatement);
    this.#take = prepared(db, 'leases_take', takeStatement);
  }

  /** True if no other instance that is alive uses any of the consumers' tables, as of the last renewal. */
  get isAlone(): boolean {
    return this.#isAlone;
  }

  /**
   * Records that an instance is alive, renews its leases of these consumers, and takes the free ones that it should take.
   * @returns all checkpoints, also those of other instances and of other consumers.
   */
  async lease(
    me: string,
    consumers: readonly Pick<CheckpointId, 'key'>[],
    { role = 'active', uses = [], reluctant = new Set() }: LeaseOptions = {},
  ): Promise<LeasedCheckpoint[]> {
    livingHere.add(me);
    const moves = role === 'active' ? consumers.filter(({ key }) => !reluctant.has(key)) : [];
    const all = await this.#renew({
      ...{ me, process: PROCESS, moves: requested(moves) },
      ...{ consumers: requested(consumers), uses: arrayText(uses) },
    });
    const others = all.flatMap((row) => row.others ?? []);
    const keys = new Set(consumers.map(({ key }) => key));
    this.#isAlone = !others.some(({ uses: theirs }) => theirs.some((key) => keys.has(key)));
    const { take, give } = chooseLeases({
      ...{ me, role, reluctant },
      abilities: keys,
      // The lease of a rebuild is not shared.
      checkpoints: all
        .filter(({ kind }) => kind !== 'rebuild' && kind !== 'verify')
        .map(({ key, position, isOurs, owner, freeForMs }) => ({
          ...{ key, position, owner: isOurs ? me : owner },
          freeForMs: freeForMs ?? undefined,
        })),
      others: others.map(({ id, abilities }) => ({ id, abilities: new Set(abilities) })),
    });
    const chosen = consumers.filter(({ key }) => take.includes(key));
    const taken = chosen.length > 0 ? await this.#take({ me, process: PROCESS, consumers: requested(chosen) }) : [];
    const own = new Map(taken.flatMap(({ isRenewed: _, ...each }) => (each.isOurs ? [[each.key, each]] : [])));
    return all.map(({ freeForMs: _, others: __, ...checkpoint }) => {
      const { key, isOurs } = checkpoint;
      const now = own.get(key);
      return { ...checkpoint, ...now, isOurs: isOurs || now !== undefined, isWanted: give.includes(key) };
    });
  }

  /**
   * Takes or renews the lease of one checkpoint that is not shared, such as that of a shadow.
   * @returns undefined if another instance owns it, or it does not exist.
   */
  async hold(me: string, consumer: Pick<CheckpointId, 'key'>): Promise<Omit<Taken, 'isOurs'> | undefined> {
    livingHere.add(me);
    const [found] = await this.#take({ me, process: PROCESS, consumers: requested([consumer]) });
    if (!found?.isOurs) return undefined;
    const { isOurs: _, ...held } = found;
    return held;
  }

  /** Records that an instance is alive that uses the tables of these consumers, but owns none of them. */
  async announce(
    me: string,
    consumers: readonly Pick<CheckpointId, 'key'>[],
    uses: readonly string[] = [],
  ): Promise<void> {
    livingHere.add(me);
    await this.#announce({ me, process: PROCESS, consumers: requested(consumers), uses: arrayText(uses) });
  }

  /** Gives one checkpoint up, for another instance to take. */
  async give(me: string, key: string): Promise<void> {
    await this.#db.execute(
      sql`update read.checkpoints set owner = null, owner_process = null, lease_until = now()
          where owner = ${me} and projection = ${key}`,
    );
  }

  /** Gives up all checkpoints of an instance and removes it, so that others need not wait for its leases to end. */
  async release(instance: string): Promise<void> {
    livingHere.delete(instance);
    await this.#db.execute(sql`
      with gone as (delete from read.instances where id = ${instance})
      update read.checkpoints set owner = null, owner_process = null, lease_until = now() where owner = ${instance}`);
  }

  /**
   * Ends the leases of processes of this machine, or container, that were killed.
   * @returns true if there were any.
   */
  async releaseDead(checkpoints: readonly Checkpoint[]): Promise<boolean> {
    const dead = new Set<string>();
    for (const { owner, ownerProcess } of checkpoints) {
      if (owner && ownerProcess && !livingHere.has(owner) && isGone(owner, ownerProcess)) dead.add(owner);
    }
    for (const instance of dead) await this.release(instance);
    return dead.size > 0;
  }
}

function requested(consumers: readonly Pick<CheckpointId, 'key'>[]): string {
  return arrayText(consumers.map(({ key }) => key));
}
