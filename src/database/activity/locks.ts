/** Keys of the application's advisory locks. The log's functions in `drizzle/` use the first one by its number. */
export const APPEND_LOCK = 4651732;
/** Held during a migration. */
export const MIGRATION_LOCK = 4651733;

/** Names for people. */
export const LOCK_NAMES: ReadonlyMap<number, string> = new Map([
  [APPEND_LOCK, `the log's append lock (advisory lock ${APPEND_LOCK})`],
  [MIGRATION_LOCK, `the migration lock (advisory lock ${MIGRATION_LOCK})`],
]);
