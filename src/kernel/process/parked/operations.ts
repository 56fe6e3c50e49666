import { and, asc, eq, gt, isNotNull, or, sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { parkedItems } from '../../../database/schema/read-side.ts';

/** A parked item, as operators see it. */
export interface ParkedItem {
  /** Key of the kind's checkpoint, such as `process:Shipping` or `effect:Mails`. */
  readonly consumer: string;
  /** Type and id of the stream that waits. */
  readonly partition: string;
  /** The event's position; 0 for a deadline. */
  readonly position: number;
  readonly eventType: string | null;
  /** The deadline's name; empty for an event. */
  readonly deadline: string;
  readonly dueAt: Date;
  readonly initiator: string;
  readonly parkedAt: Date;
  readonly attempts: number;
  /** When it is retried; null if it waits for an earlier item. */
  readonly retryAt: Date | null;
  /** Why it failed last; null if it only waits for an earlier item. May contain users' text. */
  readonly code: string | null;
  readonly error: string | null;
  /** True if an operator has decided to discard it. That happens when the items before it are done. */
  readonly isDiscarded: boolean;
}

/** Who decided to discard an item. */
export interface Decision {
  readonly by: string;
  readonly reason: string | null;
}

/** No such item is parked. */
export class ParkedItemNotFoundError extends Error {
  readonly code = 'PARKED_ITEM_NOT_FOUND';

  constructor(consumer: string, what: string) {
    super(`Nothing is parked in ${consumer} as ${what}. It may have been done meanwhile.`);
    this.name = 'ParkedItemNotFoundError';
  }
}

const isParked = eq(parkedItems.status, 'PARKED');

/**
 * Operators' actions on parked items, from any process that reaches the database. The instance that runs the kind acts
 * on them within a second, or when an instance runs the kind again.
 */
export class ParkedOperations {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * The items in the order of the log.
   * @param after the last item of the previous page.
   */
  async list(consumer?: string, limit = 500, after?: ParkedItem): Promise<ParkedItem[]> {
    const { position, partition } = parkedItems;
    const rows = await this.#db
      .select()
      .from(parkedItems)
      .where(
        and(
          isParked,
          consumer === undefined ? undefined : eq(parkedItems.consumer, consumer),
          after &&
            or(
              gt(parkedItems.consumer, after.consumer),
              and(
                eq(parkedItems.consumer, after.consumer),
                or(gt(position, after.position), and(eq(position, after.position), gt(partition, after.partition))),
              ),
            ),
        ),
      )
      .orderBy(asc(parkedItems.consumer), asc(position), asc(partition), asc(parkedItems.deadline))
      .limit(limit);
    return rows.map(({ discardedAt, ...row }) => ({ ...row, isDiscarded: discardedAt !== null }));
  }

  /**
   * Retries at once every item that does not wait for an earlier one.
   * @returns the number of these items.
   */
  async retry(consumer?: string, partition?: string): Promise<number> {
    const rows = await this.#db
      .update(parkedItems)
      .set({ retryAt: sql`now()` })
      .where(
        and(
          isParked,
          isNotNull(parkedItems.retryAt),
          consumer === undefined ? undefined : eq(parkedItems.consumer, consumer),
          partition === undefined ? undefined : eq(parkedItems.partition, partition),
        ),
      )
      .returning({ position: parkedItems.position });
    return rows.length;
  }

  /**
   * Has an item discarded permanently: the event or deadline is not handled. The record stays.
   * @throws {ParkedItemNotFoundError} if it is not parked.
   */
  async discard(
    item: Pick<ParkedItem, 'consumer' | 'partition' | 'position' | 'deadline'>,
    { by, reason }: Decision,
  ): Promise<void> {
    const { consumer, partition, position, deadline } = item;
    const rows = await this.#db
      .update(parkedItems)
      .set({ discardedAt: sql`now()`, discardedBy: by, reason, retryAt: sql`now()` })
      .where(
        and(
          isParked,
          eq(parkedItems.consumer, consumer),
          eq(parkedItems.partition, partition),
          eq(parkedItems.position, position),
          eq(parkedItems.deadline, deadline),
        ),
      )
      .returning({ partition: parkedItems.partition });
    if (rows.length > 0) return;
    throw new ParkedItemNotFoundError(
      consumer,
      `${partition} ${deadline === '' ? `at position ${position}` : `(${deadline})`}`,
    );
  }
}
