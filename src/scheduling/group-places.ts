import { Rotation } from './rotation.ts';

/** Places for the tasks of callers. */
export interface Places {
  /**
   * Begins a task, at once or when it is its turn. It has a place until {@link release} is called for its caller.
   * @param caller who takes turns with others; undefined: nobody in particular.
   * @returns what `begin` returned if it was called at once.
   */
  acquire<T>(caller: string | undefined, begin: () => T): T | undefined;
  /** Gives a place back. The next task begins in a microtask, after everything that the caller does now. */
  release(caller: string | undefined): void;
}

/** The key of tasks without a caller. No caller has an empty name. */
const NOBODY = '';

/**
 * Places that groups of callers share. Groups take turns, and within a group its callers do, so that nobody gets more by having
 * more callers. The more groups use places, the fewer each may take, and a third is left for groups that have none: groups
 * whose tasks take long keep the others from two thirds of the places, not from all.
 */
export class GroupPlaces {
  readonly #places: number;
  /** Groups that have places or wait for some, in the order of their turns. */
  readonly #groups = new Map<string, PlacesOfGroup>();
  #taken = 0;

  /** @param places how many tasks run at a time. */
  constructor(places: number) {
    this.#places = places;
  }

  /** The places as one group sees them. */
  of(name: string): Places {
    return {
      acquire: (caller = NOBODY, begin) => this.#acquire(name, caller, begin),
      release: (caller = NOBODY) => this.#release(name, caller),
    };
  }

  #acquire<T>(name: string, caller: string, begin: () => T): T | undefined {
    const group = this.#groups.get(name) ?? new PlacesOfGroup();
    this.#groups.set(name, group);
    if (this.#taken >= this.#places || !this.#mayTake(group, caller)) {
      group.waiting.add(caller, begin);
      return undefined;
    }
    this.#taken++;
    group.take(caller);
    return begin();
  }

  #release(name: string, caller: string): void {
    const group = this.#groups.get(name);
    if (!group) return;
    this.#taken--;
    group.giveBack(caller);
    if (group.isGone) this.#groups.delete(name);
    // With a group less, the others may take more than this place.
    while (this.#taken < this.#places && this.#beginNext());
  }

  /** @returns false if no task waits that may take a place. */
  #beginNext(): boolean {
    for (const [name, group] of this.#groups) {
      const next = group.waiting.next((caller) => this.#mayTake(group, caller));
      if (!next) continue;
      this.#taken++;
      group.take(next.key);
      this.#groups.delete(name);
      this.#groups.set(name, group);
      queueMicrotask(next.thing);
      return true;
    }
    return false;
  }

  #mayTake(group: PlacesOfGroup, caller: string): boolean {
    const open = this.#places - Math.floor(this.#places / 3);
    if (group.hasSome && this.#taken >= open) return false;
    return group.mayTake(caller, Math.max(1, Math.floor(open / this.#groups.size)));
  }
}

class PlacesOfGroup {
  readonly waiting = new Rotation<() => unknown>();
  readonly #takenBy = new Map<string, number>();
  #taken = 0;

  get hasSome(): boolean {
    return this.#taken > 0;
  }

  get isGone(): boolean {
    return this.#taken === 0 && this.waiting.isEmpty;
  }

  /** @param share how many places the group may have. One caller of several leaves a quarter of them to the others. */
  mayTake(caller: string, share: number): boolean {
    if (this.#taken >= share) return false;
    return caller === NOBODY || (this.#takenBy.get(caller) ?? 0) < Math.max(1, share - Math.ceil(share / 4));
  }

  take(caller: string): void {
    this.#taken++;
    this.#takenBy.set(caller, (this.#takenBy.get(caller) ?? 0) + 1);
  }

  giveBack(caller: string): void {
    this.#taken--;
    const left = (this.#takenBy.get(caller) ?? 1) - 1;
    if (left === 0) this.#takenBy.delete(caller);
    else this.#takenBy.set(caller, left);
  }
}
