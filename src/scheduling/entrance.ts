import { Rotation } from './rotation.ts';

/** How much one caller may begin in a turn of the event loop without waiting. */
const AT_ONCE = 4;
/** How long a turn of the event loop may begin work that has waited, in ms. */
const TURN_MS = 3;

/**
 * Lets callers begin short work in rotation. One read of the network can bring a hundred requests of one caller, and
 * everybody else would wait until all of them have begun. So only a few begin as soon as they arrive. The others begin
 * in later turns of the event loop, and what others ask for meanwhile comes before them. The loop never rests while
 * something waits, so a caller who is alone loses no time.
 */
export class Entrance {
  readonly #waiting = new Rotation<() => void>();
  /** How much of each caller has begun in the present turn of the event loop. */
  readonly #begun = new Map<string, number>();
  #isScheduled = false;
  #turnBegan = 0;

  /** Work that waits, of all callers. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** @returns undefined if the caller may begin now, or a promise that resolves when it is their turn. */
  enter(caller: string): Promise<void> | undefined {
    if (!this.#isScheduled) this.#schedule();
    const begun = this.#begun.get(caller) ?? 0;
    if (begun < AT_ONCE && !this.#waiting.has(caller)) {
      this.#begun.set(caller, begun + 1);
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.add(caller, resolve));
  }

  #schedule(): void {
    this.#isScheduled = true;
    setImmediate(this.#begin);
  }

  readonly #begin = (): void => {
    this.#isScheduled = false;
    this.#begun.clear();
    this.#turnBegan = performance.now();
    this.#grant();
  };

  readonly #grant = (): void => {
    if (performance.now() - this.#turnBegan >= TURN_MS) {
      if (!this.#isScheduled) this.#schedule();
      return;
    }
    const next = this.#waiting.next();
    if (!next) return;
    next.thing();
    // The work begins in microtasks. This runs after all of them.
    queueMicrotask(() => process.nextTick(this.#grant));
  };
}
