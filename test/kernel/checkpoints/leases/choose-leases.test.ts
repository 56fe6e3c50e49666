import { describe, expect, it } from 'vitest';
import {
  chooseLeases,
  GRACE_MS,
  type LeasableCheckpoint,
  type LeaseSituation,
} from '../../../../src/kernel/checkpoints/leases/choose-leases.ts';
import { fc } from '../../../support/properties.ts';

/** Time between two choices of an instance, in ms. */
const ROUND_MS = 1000;

interface Fleet {
  /** The checkpoints that each instance is able to own. */
  readonly instances: readonly (readonly string[])[];
  readonly keys: readonly string[];
  /** The number of the instance that owns each checkpoint at first; -1 for none. */
  readonly owners: readonly number[];
  /**
   * For each round, the instances in the order in which they choose. If it is stale, they choose by the state at the
   * beginning of the round, otherwise by the present one.
   */
  readonly rounds: readonly { readonly order: readonly number[]; readonly isStale: boolean }[];
}

const fleetOf = (able: (keys: readonly string[]) => fc.Arbitrary<string[]>): fc.Arbitrary<Fleet> =>
  fc.integer({ min: 1, max: 9 }).chain((count) => {
    const keys = Array.from({ length: count }, (_, nth) => `sums_${nth}`);
    return fc.array(able(keys), { minLength: 1, maxLength: 6 }).chain((instances) =>
      fc.record({
        instances: fc.constant(instances),
        keys: fc.constant(keys),
        owners: fc.array(fc.integer({ min: -1, max: instances.length - 1 }), { minLength: count, maxLength: count }),
        rounds: fc.array(
          fc.record({
            order: fc.shuffledSubarray([...instances.keys()], { minLength: instances.length }),
            isStale: fc.boolean(),
          }),
          { minLength: 40, maxLength: 40 },
        ),
      }),
    );
  });
const equalFleet = fleetOf((keys) => fc.constant([...keys]));
const mixedFleet = fleetOf((keys) => fc.subarray([...keys]));

/**
 * Instances that choose leases again and again. The choices are applied as Postgres applies them: a lease that is not
 * free is not taken.
 */
class World {
  readonly #fleet: Fleet;
  readonly #owners = new Map<string, string | null>();
  readonly #freeSince = new Map<string, number>();
  #now = 0;
  gives = 0;
  /** Times that an instance wanted what another one had just taken. */
  collisions = 0;
  lastChange = 0;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    for (const [nth, key] of fleet.keys.entries()) {
      const owner = fleet.owners[nth] ?? -1;
      const isAble = fleet.instances[owner]?.includes(key) ?? false;
      this.#owners.set(key, isAble ? nameOf(owner) : null);
      if (!isAble) this.#freeSince.set(key, 0);
    }
  }

  run(): this {
    for (const { order, isStale } of this.#fleet.rounds) {
      const before = order.map((nth) => [nth, this.#situationOf(nth)] as const);
      for (const [nth, situation] of before) this.#act(nth, isStale ? situation : this.#situationOf(nth));
      this.#now += ROUND_MS;
    }
    return this;
  }

  owns(nth: number): string[] {
    return [...this.#owners].flatMap(([key, owner]) => (owner === nameOf(nth) ? [key] : []));
  }

  get free(): string[] {
    return [...this.#owners].flatMap(([key, owner]) => (owner === null ? [key] : []));
  }

  #act(nth: number, situation: LeaseSituation): void {
    const { take, give } = chooseLeases(situation);
    expect(give.length).toBeLessThanOrEqual(1);
    for (const key of take) {
      if (this.#owners.get(key) === null) {
        this.#owners.set(key, nameOf(nth));
        this.lastChange = this.#now;
      } else this.collisions++;
    }
    for (const key of give) {
      this.#owners.set(key, null);
      this.#freeSince.set(key, this.#now);
      this.gives++;
      this.lastChange = this.#now;
    }
  }

  #situationOf(nth: number): LeaseSituation {
    const abilitiesOf = (able: readonly string[] = []) => new Set(able);
    const checkpoints: LeasableCheckpoint[] = [...this.#owners].map(([key, owner]) => {
      const freeForMs = owner === null ? this.#now - (this.#freeSince.get(key) ?? 0) : undefined;
      return { key, position: 0, owner, freeForMs };
    });
    const others = this.#fleet.instances.flatMap((abilities, other) =>
      other === nth ? [] : [{ id: nameOf(other), abilities: abilitiesOf(abilities) }],
    );
    const abilities = abilitiesOf(this.#fleet.instances[nth]);
    return { me: nameOf(nth), role: 'active', abilities, checkpoints, others };
  }
}

const nameOf = (nth: number) => `instance ${nth}`;

describe('leases that each instance chooses for itself', () => {
  it('come to rest with equal shares, however they began and whatever of it each one sees in time', () => {
    fc.assert(
      fc.property(equalFleet, (fleet) => {
        const world = new World(fleet).run();
        const shares = fleet.instances.map((_, nth) => world.owns(nth).length);
        expect(world.free).toEqual([]);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
        // The last quarter of the rounds changes nothing.
        expect(world.lastChange).toBeLessThan((fleet.rounds.length * 3 * ROUND_MS) / 4);
        expect(world.gives).toBeLessThanOrEqual(fleet.keys.length);
      }),
    );
  });

  it('are never chosen by two instances that see the same, before their time is over', () => {
    fc.assert(
      fc.property(equalFleet, (fleet) => {
        const world = new World({
          ...fleet,
          rounds: fleet.rounds.slice(0, 1).map((round) => ({ ...round, isStale: true })),
        });
        expect(world.run().collisions).toBe(0);
      }),
    );
  });

  it('become stable if instances can own different ones, and no instance keeps one that another with two fewer could own', () => {
    fc.assert(
      fc.property(mixedFleet, (fleet) => {
        const world = new World(fleet).run();
        expect(world.free.filter((key) => fleet.instances.some((able) => able.includes(key)))).toEqual([]);
        expect(world.lastChange).toBeLessThan((fleet.rounds.length * 3 * ROUND_MS) / 4);
        for (const [nth] of fleet.instances.entries()) {
          for (const [other, able] of fleet.instances.entries()) {
            const isAble = world.owns(nth).some((key) => able.includes(key));
            if (isAble) expect(world.owns(nth).length - world.owns(other).length).toBeLessThan(2);
          }
        }
      }),
    );
  });

  it('are taken by an instance that should not have them only when nobody else has for a while', () => {
    const situation = (freeForMs: number): LeaseSituation => ({
      me: 'b',
      role: 'active',
      abilities: new Set(['sums']),
      checkpoints: [{ key: 'sums', position: 0, owner: null, freeForMs }],
      others: [{ id: 'a', abilities: new Set(['sums']) }],
    });
    expect(chooseLeases(situation(GRACE_MS - 1)).take).toEqual([]);
    expect(chooseLeases(situation(GRACE_MS)).take).toEqual(['sums']);
  });

  it('of a standby are those that no active instance is able to own', () => {
    const checkpoint = (key: string, owner: string | null): LeasableCheckpoint => ({
      ...{ key, position: 0, owner },
      freeForMs: owner === null ? 0 : undefined,
    });
    const checkpoints = [checkpoint('a', null), checkpoint('b', null), checkpoint('c', 'me'), checkpoint('d', 'me')];
    const others = [{ id: 'active', abilities: new Set(['b', 'c']) }];
    const abilities = new Set(checkpoints.map(({ key }) => key));
    expect(chooseLeases({ me: 'me', role: 'standby', abilities, checkpoints, others })).toEqual({
      take: ['a'],
      give: ['c'],
    });
  });
});
