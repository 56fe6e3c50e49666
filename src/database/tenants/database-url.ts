import { readTarget } from '../connection-string/target.ts';
import { DatabaseError } from '../errors.ts';

/** Longest name of a database, in bytes. Postgres would cut off the rest, so that two names could become one. */
const MAX_NAME_BYTES = 63;

/** Stands for the name of the tenant in the name of a database. */
export const PLACEHOLDER = '{tenant}';

/** A URL in which the placeholder is encoded, as it has to be in a URL. */
export function plainUrl(url: string): string {
  return url.replace(PLACEHOLDER, encodeURIComponent(PLACEHOLDER));
}

/** The database that a Postgres URL names. */
export function databaseNameIn(url: string): string {
  return readTarget(url).database;
}

/**
 * The same URL for another database of the server.
 * @throws {DatabaseError} DATABASE_UNFIT if the name is too long for Postgres.
 */
export function urlOfDatabase(url: string, name: string): string {
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new DatabaseError(
      'DATABASE_UNFIT',
      `The name ${name} of a tenant's database is longer than ${MAX_NAME_BYTES} bytes. Choose a shorter TENANT_DATABASE_URL.`,
    );
  }
  const [, server = '', query = ''] = /^([^:]+:\/\/[^/?#]*)[^?#]*(\?[^#]*)?/.exec(url) ?? [];
  const parameters = query
    .slice(1)
    .split('&')
    .filter((parameter) => parameter !== '' && !/^dbname=/i.test(parameter));
  const rest = parameters.length > 0 ? `?${parameters.join('&')}` : '';
  return `${server}/${encodeURIComponent(name)}${rest}`;
}
