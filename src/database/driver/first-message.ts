/**
 * White space for the start-up options: it says nothing to Postgres, and makes the first message of a connection so long that
 * the driver writes it at once. If a connection is lost right when something is to be written to it, the driver forgets to reset
 * the timer that writes short messages. All that is written to the next connection would wait for that timer for ever.
 *
 * https://github.com/porsager/postgres/pull/1215 (comments), https://github.com/porsager/postgres/issues/1208
 */
export const WRITTEN_AT_ONCE = ' '.repeat(1024);
