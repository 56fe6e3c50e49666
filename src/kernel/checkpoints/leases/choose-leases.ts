/**
 * The role of an instance in owning checkpoints. `active`: it owns a share of them. `standby`: it owns only those that
 * no active instance can own. `off`: it owns none.
 */
export type ProjectorRole = 'active' | 'standby' | 'off';

/** How long a free checkpoint is reserved for the instance that should take it, in ms. */
export const GRACE_MS = 1500;

/** A checkpoint as the instances share them. */
export interface LeasableCheckpoint {
  readonly key: string;
  readonly position: number;
  /** The last instance that had its lease, even if that lease has ended; null if there was none. */
  readonly owner: string | null;
  /** How long the checkpoint has had no owner, in ms, as far as this instance knows; undefined while it has one. */
  readonly freeForMs: number | undefined;
}

/** Another active instance that is alive. */
export interface OtherInstance {
  readonly id: string;
  readonly abilities: ReadonlySet<string>;
}

export interface LeaseSituation {
  /** This instance. */
  readonly me: string;
  /** Keys of the checkpoints that it can own: its code has the consumer in this version. */
  readonly abilities: ReadonlySet<string>;
  readonly role: Exclude<ProjectorRole, 'off'>;
  /** The abilities that it leaves to any other instance that has them. */
  readonly reluctant?: ReadonlySet<string>;
  /**
   * All checkpoints that are shared, including those that this instance cannot own: they count in the shares of others.
   */
  readonly checkpoints: readonly LeasableCheckpoint[];
  readonly others: readonly OtherInstance[];
}

export interface LeaseChoice {
  /** Keys of the free checkpoints that this instance should take. */
  readonly take: readonly string[];
  /** Keys of its own checkpoints that it should give up for others. */
  readonly give: readonly string[];
}

/**
 * Chooses which leases an instance takes and which it gives up, so that instances with the same abilities get equal
 * shares. All instances apply the same rules: if they see the same rows, no two of them choose the same checkpoint.
 *
 * - A free checkpoint goes to the able instance with the fewest. If that one does not take it in time, any other may.
 * - An instance gives up a checkpoint for another one that can own it and has at least two fewer, unless another free
 *   checkpoint suits that one. If several instances could give one up, only the one with the most does.
 * - An instance is like a standby for what it is reluctant to own.
 * - A standby has no share: it takes what no active instance can own, and gives up what one can.
 */
export function chooseLeases(situation: LeaseSituation): LeaseChoice {
  const { me, role, abilities, checkpoints, others, reluctant = new Set() } = situation;
  const isActive = role === 'active';
  const own = checkpoints.filter(({ owner }) => owner === me);
  const free = checkpoints.filter(({ owner, freeForMs }) => owner !== me && freeForMs !== undefined).toSorted(byKey);
  const willing = new Set([...abilities].filter((key) => !reluctant.has(key)));
  const shares = new Shares(isActive ? [...others, { id: me, abilities: willing }] : others, checkpoints);
  const take = free.filter(({ key, freeForMs = 0 }) => {
    const next = shares.giveTo(key);
    const isTurn = next === undefined || next === me || (freeForMs >= GRACE_MS && !reluctant.has(key));
    return abilities.has(key) && isTurn;
  });
  // The most advanced one has the least to catch up with on another instance.
  const byProgress = own.toSorted((a, b) => b.position - a.position);
  const standingBy = byProgress.filter(({ key }) => (!isActive || reluctant.has(key)) && shares.isWanted(key));
  const shared = isActive ? byProgress.filter((checkpoint) => shares.isDonor(me, checkpoint, free)).slice(0, 1) : [];
  return { take: keysOf(take), give: keysOf([...new Set([...standingBy, ...shared])]) };
}

/** Number of checkpoints of each active instance. */
class Shares {
  readonly #instances: readonly OtherInstance[];
  readonly #checkpoints: readonly LeasableCheckpoint[];
  readonly #before = new Map<string, number>();
  readonly #after: Map<string, number>;

  constructor(instances: readonly OtherInstance[], checkpoints: readonly LeasableCheckpoint[]) {
    // Ids break ties, so that all instances break them in the same way.
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

  /** The instance that should take a free checkpoint, which then counts for it; undefined if no instance can own it. */
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

  /** True if an instance should give up a checkpoint for one that has fewer. */
  isDonor(id: string, { key }: LeasableCheckpoint, free: readonly LeasableCheckpoint[]): boolean {
    return this.#instances.some((poor) => {
      if (!poor.abilities.has(key) || free.some((other) => poor.abilities.has(other.key))) return false;
      const has = this.#of(poor.id, this.#before);
      return has + 2 <= this.#of(id, this.#before) && this.#richestFor(poor) === id;
    });
  }

  /** The instance with the most checkpoints, among those that own one that the other instance can own. */
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
