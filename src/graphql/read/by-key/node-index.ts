import DataLoader from 'dataloader';
import { sql } from 'drizzle-orm';
import { unionAll } from 'drizzle-orm/pg-core';
import type { Database } from '../../../database/client.ts';
import { arrayOf, arrayText } from '../../../database/column-arrays.ts';
import { cancelledBy } from '../../../database/driver/cancellation.ts';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';

/** Most ids that one statement looks up. */
const MAX_IDS = 1000;

/**
 * Finds the read models, of several, that have a row with an id. Usually it is one: only an aggregate that represents an
 * actor may have the id of another one. Ids that any operations ask for in the same moment are looked up with one
 * statement: one index lookup for each id and read model.
 */
export class NodeIndex {
  readonly #db: Database;
  readonly #loaders = new Map<readonly Projection[], DataLoader<string, readonly Projection[]>>();

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * @param projections the same list for all ids that are to be looked up together. Their keys are one column of UUIDs.
   * @param id in the form that read models store.
   * @returns those that have such a row, regardless of who may see it, in the order of the list.
   */
  find(projections: readonly Projection[], id: string): Promise<readonly Projection[]> {
    let loader = this.#loaders.get(projections);
    if (!loader) {
      loader = this.#loader(projections);
      this.#loaders.set(projections, loader);
    }
    return loader.load(id);
  }

  #loader(projections: readonly Projection[]): DataLoader<string, readonly Projection[]> {
    const lookups = projections.map((projection, nth) => this.#lookup(projection, nth));
    const [first, second, ...others] = lookups;
    if (!first) return new DataLoader(async (ids) => ids.map(() => []));
    const query = (second ? unionAll(first, second, ...others) : first).prepare('nodes_by_id');
    return new DataLoader(
      async (ids) => {
        // The statement serves several operations: the end of one must not cancel it.
        const rows = await cancelledBy(undefined, () => query.execute({ ids: arrayText(ids) }));
        const found = Map.groupBy(rows, ({ id }) => id);
        return ids.map((id) => {
          const places = new Set(found.get(id)?.map(({ nth }) => nth));
          return projections.filter((_, nth) => places.has(nth));
        });
      },
      { cache: false, maxBatchSize: MAX_IDS, batchScheduleFn: (dispatch) => setImmediate(dispatch) },
    );
  }

  #lookup({ name, key, table }: Projection, nth: number) {
    const [only] = key;
    if (!only) throw new Error(`Read model ${name} has no key.`);
    const ids = arrayOf(only.column, sql.placeholder('ids'));
    return this.#db
      .select({
        id: sql<string>`${only.column}::text`.as('id'),
        nth: sql`${sql.raw(String(nth))}`.mapWith(Number).as('nth'),
      })
      .from(table)
      .where(sql`${only.column} = any(${ids})`);
  }
}
