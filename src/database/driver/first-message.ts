/**
 * White space for the start-up options. It means nothing to Postgres, but makes the first message of a connection so
 * long that the driver writes it at once. If a connection is lost just when something is to be written to it, the
 * driver forgets to reset the timer that writes short messages. Everything that is written to the next connection would
 * wait for that timer forever.
 *
 * https://github.com/porsager/postgres/pull/1215 (comments), https://github.com/porsager/postgres/issues/1208
 */
export const WRITTEN_AT_ONCE = ' '.repeat(1024);
