/**
 * Options of a client that asks Postgres for no array types. By default the driver does so on each new connection, before
 * anything else, and drops the promise of the answer: if that statement fails (a time limit, a termination), the process ends
 * with a rejection that nobody can catch. Arrays are therefore sent as JSON or in columns, see `column-arrays.ts`.
 *
 * https://github.com/porsager/postgres/issues/1192, https://github.com/porsager/postgres/issues/1205
 */
export const WITHOUT_ARRAY_TYPES = { fetch_types: false } as const;
