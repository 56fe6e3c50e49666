import { getTableColumns, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Database } from '../../../database/client.ts';
import { FencedError } from '../../checkpoints/advance.ts';
import { ProjectionTable } from '../fold/projection-table.ts';
import type { TablePart } from '../tables/table-parts.ts';
import type { Shadow } from './shadow.ts';
import { missingIndexes } from './shadow-ddl.ts';

/**
 * The instance that fills a shadow, and the checkpoint's generation. As soon as another instance fills it, the writes
 * of this one are refused.
 */
export interface Filler {
  readonly owner: string;
  readonly generation: number;
}

export interface ShadowTableParts {
  /** Fills the table. */
  readonly db: Database;
  /** Creates its indexes, with the rights of its owner. */
  readonly ddl: Database;
  readonly shadow: Shadow;
  readonly filler: Filler;
}

/** The tables of a shadow. An index on columns other than the key is created when it is first needed. */
export class ShadowTable extends ProjectionTable {
  readonly #parts: ShadowTableParts;
  readonly #indexed = new Set<string>();

  constructor(parts: ShadowTableParts) {
    super(parts.db, parts.shadow.projection);
    this.#parts = parts;
  }

  override async read(wanted: Parameters<ProjectionTable['read']>[0]): ReturnType<ProjectionTable['read']> {
    for (const property of wanted.where.keys()) {
      const column = getTableColumns(this.#parts.shadow.projection.table)[property];
      if (!column || this.#indexed.has(property)) continue;
      await this.addIndexes(({ leads }) => leads === column.name);
      this.#indexed.add(property);
    }
    return super.read(wanted);
  }

  /**
   * Creates the indexes that the live tables have and these lack, one per transaction, so that finished ones stay.
   * @param wanted selects indexes of the rows' table; by default all of all tables.
   * @throws {FencedError} if another instance fills the shadow now, or none does.
   */
  async addIndexes(wanted?: (index: TablePart) => boolean): Promise<void> {
    const { tables } = this.#parts.shadow;
    for (const [table, beside] of wanted ? tables.slice(0, 1) : tables) {
      while (await this.#addIndex(table, beside, wanted));
    }
  }

  #addIndex(live: PgTable, beside: PgTable, wanted?: (index: TablePart) => boolean): Promise<boolean> {
    const { ddl, shadow, filler } = this.#parts;
    return ddl.transaction(async (transaction) => {
      const tx = transaction as unknown as Database;
      // Leases may be renewed meanwhile, but the row must not disappear.
      const [ours] = await tx.execute(sql`
        select from read.checkpoints
        where projection = ${shadow.checkpoint.key} and owner = ${filler.owner} and generation = ${filler.generation} for key share`);
      if (!ours) throw new FencedError(shadow.checkpoint.key);
      await tx.execute(sql`lock table ${beside} in share mode`);
      const [statement] = await missingIndexes(tx, live, beside, wanted);
      if (statement) await tx.execute(statement);
      return statement !== undefined;
    });
  }
}
