/** What an instance has to do with checkpoints: its share of them, only those that no active instance could have, or none. */
export type ProjectorRole = 'active' | 'standby' | 'off';

/** How long a free checkpoint is left to the instance that should take it before any other one does, in ms. */
export const GRACE_MS = 1500;

/** A checkpoint as the instances share them. */
export interface LeasableCheckpoint {
  readonly key: string;
  readonly position: number;
  /** The instance that has its lease, also if that is over and nobody has taken it; null if nobody had it. */
  readonly owner: string | null;
  /** How long nobody has had the lease, as far as this instance can know; undefined while somebody has it. In ms. */
  readonly freeForMs: number | undefined;
}

/** Another active instance that lives. */
export interface OtherInstance {
  readonly id: string;
  readonly abilities: ReadonlySet<string>;
}

export interface LeaseSituation {
  /** This instance. */
  readonly me: string;
  /** Keys of the checkpoints that it is able to own: its code knows the consumer, in this version. */
  readonly abilities: ReadonlySet<string>;
  readonly role: Exclude<ProjectorRole, 'off'>;
  /** All that are shared, also those that this instance is not able to own: they count in the shares of others. */
  readonly checkpoints: readonly LeasableCheckpoint[];
  readonly others: readonly OtherInstance[];
}

export interface LeaseChoice {
  /** Keys of the free checkpoints that this instance is to take. */
  readonly take: readonly string[];
  /** Keys of its own ones that it is to give up for others. */
  readonly give: readonly string[];
}

/**
 * Chooses which leases an instance takes and which it gives up, so that the instances come to have equal shares, as far as they
 * are able to own the same. All instances choose by the same rules: if they see the same, no two of them choose one checkpoint.
 *
 * - A free checkpoint goes to the able instance that has fewest. If that one does not take it in time, any other one may.
 * - An instance gives one up for another one that is able to own it and has at least two fewer, unless something else is free
 *   for that one. Of several instances that could, only the one that has most does.
 * - A standby has no share: it takes what no active instance is able to own, and gives up whatever one is.
 */
export function chooseLeases(situation: LeaseSituation): LeaseChoice {
  const { me, role, abilities, checkpoints, others } = situation;
  const isActive = role === 'active';
  const own = checkpoints.filter(({ owner }) => owner === me);
  const free = checkpoints.filter(({ owner, freeForMs }) => owner !== me && freeForMs !== undefined).toSorted(byKey);
  const shares = new Shares(isActive ? [...others, { id: me, abilities }] : others, checkpoints);
  const take = free.filter(({ key, freeForMs = 0 }) => {
    const next = shares.giveTo(key);
    return abilities.has(key) && (next === undefined || next === me || freeForMs >= GRACE_MS);
  });
  // The furthest one has the least to catch up with elsewhere.
  const byProgress = own.toSorted((a, b) => b.position - a.position);
  const wanted = isActive
    ? byProgress.filter((checkpoint) => shares.isDonor(me, checkpoint, free)).slice(0, 1)
    : byProgress.filter(({ key }) => shares.isWanted(key));
  return { take: keysOf(take), give: keysOf(wanted) };
}

/** How many checkpoints each active instance has. */
class Shares {
  readonly #instances: readonly OtherInstance[];
  readonly #checkpoints: readonly LeasableCheckpoint[];
  readonly #before = new Map<string, number>();
  readonly #after: Map<string, number>;

  constructor(instances: readonly OtherInstance[], checkpoints: readonly LeasableCheckpoint[]) {
    // Ids break ties, so that everybody breaks them in the same way.
    this.#instances = instances.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    this.#checkpoints = checkpoints;
    for (const { id } of instances) this.#before.set(id, 0);
    for (const { owner, freeForMs } of checkpoints) {
      const has = owner !== null && freeForMs === undefined ? this.#before.get(owner) : undefined;
      if (has !== undefined) this.#before.set(owner as string, has + 1);
    }
    this.#after = new Map(this.#before);
  }

  isWanted(key: string): boolean {
    return this.#instances.some(({ abilities }) => abilities.has(key));
  }

  /** The instance that should take a free checkpoint, which counts as its own from now on. Undefined if none is able to. */
  giveTo(key: string): string | undefined {
    const able = this.#instances.filter(({ abilities }) => abilities.has(key));
    const [first, ...rest] = able.map(({ id }) => id);
    if (first === undefined) return undefined;
    const fewest = rest.reduce(
      (least, id) => (this.#of(id, this.#after) < this.#of(least, this.#after) ? id : least),
      first,
    );
    this.#after.set(fewest, this.#of(fewest, this.#after) + 1);
    return fewest;
  }

  /** Whether an instance is to give a checkpoint up for one that has fewer. */
  isDonor(id: string, { key }: LeasableCheckpoint, free: readonly LeasableCheckpoint[]): boolean {
    return this.#instances.some((poor) => {
      if (!poor.abilities.has(key) || free.some((other) => poor.abilities.has(other.key))) return false;
      const has = this.#of(poor.id, this.#before);
      return has + 2 <= this.#of(id, this.#before) && this.#richestFor(poor) === id;
    });
  }

  /** Of the instances that own something that another one is able to own, the one that has most. */
  #richestFor({ abilities }: OtherInstance): string | undefined {
    const owners = new Set(this.#checkpoints.filter(({ key }) => abilities.has(key)).map(({ owner }) => owner));
    const able = this.#instances.map(({ id }) => id).filter((id) => owners.has(id));
    const most = Math.max(...able.map((id) => this.#of(id, this.#before)));
    return able.find((id) => this.#of(id, this.#before) === most);
  }

  #of(id: string, counts: ReadonlyMap<string, number>): number {
    return counts.get(id) ?? 0;
  }
}

function byKey(a: LeasableCheckpoint, b: LeasableCheckpoint): number {
  return a.key < b.key ? -1 : 1;
}

function keysOf(checkpoints: readonly LeasableCheckpoint[]): string[] {
  return checkpoints.map(({ key }) => key);
}
