import { keepNewest } from '../core/newest.ts';
import type { Leaf } from './leaves.ts';

interface Record {
  readonly token: string;
  /** When it was shown last. */
  readonly at: number;
  readonly value: Leaf['value'];
}

/** How many values are remembered. What was shown longest ago is forgotten first. */
const MOST = 20_000;

/** What was shown, and how fresh it was. */
export class Shown {
  readonly #records = new Map<string, Record>();
  #reign = 0;
  #moment = 0;

  /** Grows with each answer that is shown. */
  get moment(): number {
    return this.#moment;
  }

  /**
   * Records the values of an answer, unless it was overtaken: a value differs from one that was newer.
   * @param token the place in the log that the answer includes.
   * @param reign tokens are comparable only while it stays the same.
   * @param asked the {@link moment} at which the answer was asked for. If a value differs from one that was shown since,
   *   nobody knows which is newer, whatever the tokens: both answers may include more than theirs say. Then it counts as
   *   overtaken.
   * @returns false if it was overtaken. Then nothing is recorded.
   */
  show(leaves: readonly Leaf[], token: string, reign: number, asked = Number.POSITIVE_INFINITY): boolean {
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
      if (shown === undefined || shown.value === value || newer.has(owner)) return false;
      return shown.token > token || shown.at > asked;
    };
    if (leaves.some(isOvertaken)) return false;
    const at = ++this.#moment;
    for (const { path, value } of leaves) {
      const former = this.#records.get(path)?.token ?? token;
      this.#records.delete(path);
      this.#records.set(path, { token: former > token ? former : token, at, value });
    }
    keepNewest(this.#records, MOST);
    return true;
  }
}
