import { and, asc, eq, gt, isNotNull, or, sql } from 'drizzle-orm';
import type { Database } from '../../../database/client.ts';
import { parkedItems } from '../../../database/schema.ts';

/** A parked item, as operators see it. */
export interface ParkedItem {
  /** Checkpoint of the kind, as `process:Shipping` or `effect:Mails`. */
  readonly consumer: string;
  /** Type and id of the stream that waits. */
  readonly line: string;
  /** The event; 0 for a deadline. */
  readonly position: number;
  readonly eventType: string | null;
  /** The deadline's name; empty for an event. */
  readonly deadline: string;
  readonly dueAt: Date;
  readonly initiator: string;
  readonly parkedAt: Date;
  readonly attempts: number;
  /** When it is tried next; null if it waits for one before it. */
  readonly retryAt: Date | null;
  /** Why it failed last; null if it only waits for one before it. May hold what people have written. */
  readonly code: string | null;
  readonly error: string | null;
  /** An operator wants it to be passed over, which happens when those before it are done. */
  readonly isPassed: boolean;
}

/** Who decides that something is passed over. */
export interface Decision {
  readonly by: string;
  readonly reason: string | null;
}

/** Nothing of that name is parked. */
export class ParkedItemNotFoundError extends Error {
  readonly code = 'PARKED_ITEM_NOT_FOUND';

  constructor(consumer: string, what: string) {
    super(`Nothing is parked in ${consumer} as ${what}. It may have been done meanwhile.`);
    this.name = 'ParkedItemNotFoundError';
  }
}

const isParked = eq(parkedItems.status, 'PARKED');

/**
 * What operators do about parked items, in any process that reaches the database: the instance that runs the kind takes it up
 * within a second, or when an instance runs it again.
 */
export class ParkedOperations {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** In the order of the log. @param after the last one of the page before. */
  async list(consumer?: string, limit = 500, after?: ParkedItem): Promise<ParkedItem[]> {
    const { position, line } = parkedItems;
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
                or(gt(position, after.position), and(eq(position, after.position), gt(line, after.line))),
              ),
            ),
        ),
      )
      .orderBy(asc(parkedItems.consumer), asc(position), asc(line), asc(parkedItems.deadline))
      .limit(limit);
    return rows.map(({ passedAt, ...row }) => ({ ...row, isPassed: passedAt !== null }));
  }

  /** Retries every item at once that does not wait for an earlier one. @returns how many items. */
  async retry(consumer?: string, line?: string): Promise<number> {
    const rows = await this.#db
      .update(parkedItems)
      .set({ retryAt: sql`now()` })
      .where(
        and(
          isParked,
          isNotNull(parkedItems.retryAt),
          consumer === undefined ? undefined : eq(parkedItems.consumer, consumer),
          line === undefined ? undefined : eq(parkedItems.line, line),
        ),
      )
      .returning({ position: parkedItems.position });
    return rows.length;
  }

  /**
   * Has an item passed over for good: the event is not answered, the deadline not told. The record stays.
   * @throws {ParkedItemNotFoundError} if it is not parked.
   */
  async passOver(
    item: Pick<ParkedItem, 'consumer' | 'line' | 'position' | 'deadline'>,
    { by, reason }: Decision,
  ): Promise<void> {
    const { consumer, line, position, deadline } = item;
    const rows = await this.#db
      .update(parkedItems)
      .set({ passedAt: sql`now()`, passedBy: by, reason, retryAt: sql`now()` })
      .where(
        and(
          isParked,
          eq(parkedItems.consumer, consumer),
          eq(parkedItems.line, line),
          eq(parkedItems.position, position),
          eq(parkedItems.deadline, deadline),
        ),
      )
      .returning({ line: parkedItems.line });
    if (rows.length > 0) return;
    throw new ParkedItemNotFoundError(
      consumer,
      `${line} ${deadline === '' ? `at position ${position}` : `(${deadline})`}`,
    );
  }
}
