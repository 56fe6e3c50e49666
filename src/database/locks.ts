/** Keys of the application's advisory locks: the log's functions in `drizzle/` name the first by its number. */
export const APPEND_LOCK = 4651732;
/** Taken for the length of a migration. */
export const MIGRATION_LOCK = 4651733;

/** What people may call them. */
export const LOCK_NAMES: ReadonlyMap<number, string> = new Map([
  [APPEND_LOCK, `the log's append lock (advisory lock ${APPEND_LOCK})`],
  [MIGRATION_LOCK, `the migration lock (advisory lock ${MIGRATION_LOCK})`],
]);
