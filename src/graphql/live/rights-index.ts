import type { RowValues } from '../../kernel/read/fold/working-rows.ts';
import type { Visibility } from '../read/visibility.ts';

/** Rules over the same properties, by the values that they require. */
interface SameProperties<T> {
  readonly properties: readonly string[];
  readonly byValues: Map<string, Set<T>>;
}

/**
 * Finds the owners whose rights may cover a row. Rules require values of properties, so the values of a row lead to the
 * rules: two thousand actors take as long as two.
 */
export class RightsIndex<T> {
  readonly #byProperties = new Map<string, SameProperties<T>>();

  get isEmpty(): boolean {
    return this.#byProperties.size === 0;
  }

  /** Every property that a rule looks at. */
  get properties(): string[] {
    return [...new Set([...this.#byProperties.values()].flatMap(({ properties }) => properties))];
  }

  add(visibility: Exclude<Visibility, 'all'>, owner: T): void {
    for (const rule of visibility) {
      const properties = Object.keys(rule).sort();
      const name = properties.join();
      let same = this.#byProperties.get(name);
      if (!same) {
        same = { properties, byValues: new Map() };
        this.#byProperties.set(name, same);
      }
      const values = valuesIn(rule, properties);
      const owners = same.byValues.get(values);
      if (owners) owners.add(owner);
      else same.byValues.set(values, new Set([owner]));
    }
  }

  remove(visibility: Exclude<Visibility, 'all'>, owner: T): void {
    for (const rule of visibility) {
      const properties = Object.keys(rule).sort();
      const name = properties.join();
      const same = this.#byProperties.get(name);
      const values = valuesIn(rule, properties);
      const owners = same?.byValues.get(values);
      owners?.delete(owner);
      if (owners?.size === 0) same?.byValues.delete(values);
      if (same?.byValues.size === 0) this.#byProperties.delete(name);
    }
  }

  /** Every owner who may see the row, and perhaps some who may not. */
  candidates(row: RowValues): Set<T> {
    const found = new Set<T>();
    for (const { properties, byValues } of this.#byProperties.values()) {
      for (const owner of byValues.get(valuesIn(row, properties)) ?? []) found.add(owner);
    }
    return found;
  }
}

/** The same text for values that are equal. */
function valuesIn(row: Partial<RowValues>, properties: readonly string[]): string {
  return JSON.stringify(properties.map((property) => [typeof row[property], String(row[property])]));
}
