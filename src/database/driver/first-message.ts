/*
 * If a connection is lost just when something is to be written to it, the driver forgets to reset the timer that writes
 * short messages, and keeps the messages.
 *
 * https://github.com/porsager/postgres/pull/1215 (comments), https://github.com/porsager/postgres/issues/1208
 */

/**
 * White space for the start-up options. It means nothing to Postgres, but makes the first message of a connection so
 * long that the driver writes it at once. Everything that is written to the next connection would wait forever for the
 * timer.
 */
export const WRITTEN_AT_ONCE = ' '.repeat(1024);

/**
 * The first message of a connection, without what the driver kept of the one before: Postgres would close the connection
 * without a word. Only the first message begins with its length, and so with a zero; others begin with a letter.
 *
 * @param written whole messages, of which the first of the connection is the last.
 */
export function firstMessage(written: Buffer): Buffer {
  let start = 0;
  while (written.length - start > 4 && written[start] !== 0) start += 1 + written.readUInt32BE(start + 1);
  return written.subarray(start);
}
