import type { Erasure } from '../erasures.ts';
import type { OutdatedTable } from '../outdated-tables.ts';
import type { Applied } from './apply-hiding.ts';

/** What this instance has hidden in one table, or is hiding. */
interface Table {
  /** The generation that the table has with what was hidden. A rebuild may put other rows into it: then it has another one. */
  generation: number | undefined;
  /** Numbers of the erasures that are hidden in this generation. */
  readonly hidden: Set<number>;
  readonly underWay: Map<number, Promise<void>>;
}

/** Remembers which erasures are hidden in which tables, so that each is hidden once. */
export class HiddenErasures {
  readonly #tables = new Map<string, Table>();

  /** Forgets tables that were made again. */
  keepOnly(outdated: readonly OutdatedTable[]): void {
    const left = new Map(outdated.map((table) => [table.key, table.erasures]));
    for (const [key, { hidden, underWay }] of this.#tables) {
      const since = left.get(key) ?? Number.POSITIVE_INFINITY;
      for (const number of hidden) if (number <= since) hidden.delete(number);
      if (hidden.size === 0 && underWay.size === 0) this.#tables.delete(key);
    }
  }

  /** Those that a table still has, and that nobody hides in it. */
  missing({ key, generation, erasures }: OutdatedTable, all: readonly Erasure[]): Erasure[] {
    const table = this.#of(key);
    if (table.generation !== generation && table.underWay.size === 0) {
      table.generation = generation;
      table.hidden.clear();
    }
    return all.filter(({ number }) => number > erasures && !table.hidden.has(number) && !table.underWay.has(number));
  }

  /** @param task does not fail. */
  begin(key: string, erasures: readonly Erasure[], task: Promise<void>): void {
    const { underWay } = this.#of(key);
    const ended = task.finally(() => {
      for (const { number } of erasures) underWay.delete(number);
    });
    for (const { number } of erasures) underWay.set(number, ended);
  }

  /** Rows were masked in a table. What was hidden before is still hidden, unless somebody else has changed it in between. */
  changed(key: string, { before, after }: Applied): void {
    const table = this.#of(key);
    // Somebody else's change came later.
    if (table.generation !== undefined && after < table.generation) return;
    if (table.generation !== before && table.generation !== after) table.hidden.clear();
    table.generation = after;
  }

  /** @param last the last change that was made for these erasures; undefined if there was nothing to change. */
  done(key: string, erasures: readonly Erasure[], last: Applied | undefined): void {
    const table = this.#of(key);
    // Otherwise the table has other rows by now: they are looked at again.
    if (last && table.generation !== last.after && table.generation !== undefined) return;
    for (const { number } of erasures) table.hidden.add(number);
  }

  /** Resolves when what is under way has ended. @param number only that of this erasure, if given. */
  async settled(number?: number): Promise<void> {
    const tasks = [...this.#tables.values()].flatMap(({ underWay }) =>
      number === undefined ? [...underWay.values()] : [underWay.get(number)],
    );
    await Promise.all(new Set(tasks));
  }

  #of(key: string): Table {
    const table = this.#tables.get(key) ?? { generation: undefined, hidden: new Set(), underWay: new Map() };
    this.#tables.set(key, table);
    return table;
  }
}
