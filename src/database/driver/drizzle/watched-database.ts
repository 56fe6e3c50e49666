import type { Database } from '../../client.ts';

/*
 * Drizzle has no hook that is called with the tables of a statement before it is sent: a logger is called for all
 * operations of a database alike.
 *
 * https://github.com/drizzle-team/drizzle-orm/issues/1500
 */

/** A table of the read schema, as Drizzle writes it in a statement. */
const READ_TABLE = /"read"\."((?:[^"]|"")+)"/g;

interface DrizzleSession {
  prepareQuery(query: { readonly sql: string }, ...more: unknown[]): unknown;
}

/** The same database for one operation, which calls back with the table names of every statement before it is sent. */
export function watchedDatabase(db: Database, onRead: (table: string) => void): Database {
  // Drizzle's declarations omit it. All of its queries go through it.
  const { session } = db as unknown as { readonly session: DrizzleSession };
  const watched: DrizzleSession = Object.create(session, {
    prepareQuery: {
      value: (query: { readonly sql: string }, ...more: unknown[]) => {
        for (const [, table = ''] of query.sql.matchAll(READ_TABLE)) onRead(table.replaceAll('""', '"'));
        return session.prepareQuery(query, ...more);
      },
    },
  });
  return Object.create(db, { session: { value: watched } });
}
