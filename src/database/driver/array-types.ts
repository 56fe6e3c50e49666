/**
 * Options of a client that does not query Postgres for array types. By default, the driver does so on each new
 * connection before anything else, and drops the promise of the result. If that statement fails (a time limit, a
 * termination), the process ends with an unhandled rejection. Arrays are therefore sent as JSON or in columns, see
 * `column-arrays.ts`. https://github.com/porsager/postgres/issues/1192,
 * https://github.com/porsager/postgres/issues/1205
 */
export const WITHOUT_ARRAY_TYPES = { fetch_types: false } as const;
