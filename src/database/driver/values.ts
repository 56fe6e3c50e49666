import type postgres from 'postgres';

/**
 * int8 as a number. The driver gives it as a string; positions and minor units stay below 2^53.
 *
 * https://github.com/porsager/postgres/issues/486
 */
export const int8 = {
  to: 20,
  from: [20],
  serialize: (value: number) => String(value),
  parse: (text: string) => Number(text),
};

/**
 * Lets a client read and write values like another client that was given to Drizzle: Drizzle changes the parsers and
 * serializers of its client.
 *
 * https://github.com/drizzle-team/drizzle-orm/issues/5789
 */
export function shareValues(from: postgres.Sql, to: postgres.Sql): void {
  Object.assign(to.options.parsers, from.options.parsers);
  Object.assign(to.options.serializers, from.options.serializers);
}
