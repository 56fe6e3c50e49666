import { randomInt } from 'node:crypto';

/** Chance that can be had again: the same seed makes the same choices. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to, not including, 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  /** True with a probability from 0 to 1. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.between(0, list.length - 1)] as T;
  }

  /** One of the names, each as likely as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    const entries = Object.entries(weights) as [Name, number][];
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) {
      left -= weight;
      if (left < 0) return name;
    }
    return (entries.at(-1) as [Name, number])[0];
  }

  /** The list in another order. */
  shuffled<T>(list: readonly T[]): T[] {
    const rest = [...list];
    const shuffled: T[] = [];
    while (rest.length > 0) shuffled.push(...rest.splice(this.between(0, rest.length - 1), 1));
    return shuffled;
  }

  /** Chance of its own for somebody whose number of choices depends on what happens. */
  fork(): Random {
    return new Random(Math.floor(this.next() * 2 ** 32));
  }
}

/**
 * The seed of every random choice: `TEST_SEED` if it is set, else one that is drawn once. A run of tests prints it; with the same
 * seed it makes the same choices.
 *
 * @throws {Error} if `TEST_SEED` is no whole number.
 */
export function testSeed(): number {
  process.env.TEST_SEED ??= String(randomInt(1, 2 ** 31));
  const seed = Number(process.env.TEST_SEED);
  if (!Number.isInteger(seed)) throw new Error(`TEST_SEED must be a whole number, not "${process.env.TEST_SEED}".`);
  return seed;
}

/** Random choices of one test. They depend on the run's seed and on nothing else, whichever tests run beside it. */
export function testRandom(): Random {
  return new Random(testSeed());
}
