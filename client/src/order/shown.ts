import type { Leaf } from './leaves.ts';

interface Record {
  readonly token: string;
  readonly value: Leaf['value'];
}

/** How many values are remembered. What was shown longest ago is forgotten first. */
const MOST = 20_000;

/** What was shown, and how fresh it was. */
export class Shown {
  readonly #records = new Map<string, Record>();
  #reign = 0;

  /**
   * Records the values of an answer, unless it was overtaken: a value differs from one that was newer.
   * @param token the place in the log that the answer includes.
   * @param reign tokens are comparable only while it stays the same.
   * @returns false if it was overtaken. Then nothing is recorded.
   */
  show(leaves: readonly Leaf[], token: string, reign: number): boolean {
    if (reign !== this.#reign) this.#records.clear();
    this.#reign = reign;
    const newer = new Set<string>();
    // An answer may include more than its token says; the version of a row tells.
    for (const { path, owner, value } of leaves) {
      if (path !== `${owner}.version` || typeof value !== 'number') continue;
      const shown = this.#records.get(path)?.value;
      if (typeof shown !== 'number' || value === shown) continue;
      if (value < shown) return false;
      newer.add(owner);
    }
    const isOvertaken = ({ path, owner, value }: Leaf) => {
      const shown = this.#records.get(path);
      return shown !== undefined && shown.token > token && shown.value !== value && !newer.has(owner);
    };
    if (leaves.some(isOvertaken)) return false;
    for (const { path, value } of leaves) {
      const former = this.#records.get(path)?.token ?? token;
      this.#records.delete(path);
      this.#records.set(path, { token: former > token ? former : token, value });
    }
    for (const oldest of this.#records.keys()) {
      if (this.#records.size <= MOST) break;
      this.#records.delete(oldest);
    }
    return true;
  }
}
