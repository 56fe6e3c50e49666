import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import { isoText } from '../text/instants.ts';

/** An instant with milliseconds, in UTC. */
export const DateTime = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339#section-5.6',
  description:
    'An instant as ISO 8601 with an offset, e.g. 2010-12-01T08:26:00.000Z; answered in UTC with milliseconds.',
  serialize: (value) => isoText(toDate(value)),
  parseValue: toDate,
  parseLiteral: (node) => located(node, () => toDate(literal(node, Kind.STRING))),
});

/** Whole numbers that JSON and JavaScript keep exact. */
export const SafeInt = new GraphQLScalarType<number, number>({
  name: 'SafeInt',
  // Integers that every implementation of JSON agrees on.
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259#section-6',
  description: 'Whole numbers up to 2^53 - 1.',
  serialize: toSafeInt,
  parseValue: toSafeInt,
  parseLiteral: (node) => located(node, () => toSafeInt(Number(literal(node, Kind.INT)))),
});

/** The resolvers decode it, because they know the store; here it is only text. */
export const Token = new GraphQLScalarType<string, string>({
  name: 'ConsistencyToken',
  // Of an opaque text, only the characters are specified.
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc4648',
  description: `An opaque place in the event log. With it, any later read can be made at least that fresh.
A token of another store, a malformed one, or one past the end of the log is refused with an error code.`,
  serialize: String,
  parseValue: toText,
  parseLiteral: (node) => located(node, () => literal(node, Kind.STRING)),
});

/** Postgres, as history, has no year 0. */
const ISO_INSTANT = /^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/i;

function toDate(value: unknown): Date {
  const date = value instanceof Date ? value : new Date(isInstant(value) ? value : Number.NaN);
  // With its offset, the instant may be in another year than the one that is written.
  const year = date.getUTCFullYear();
  if (!(year >= 1 && year <= 9999)) {
    throw new GraphQLError(`${JSON.stringify(value)} is not an instant such as 2010-12-01T08:26:00Z.`);
  }
  return date;
}

/** `Date` would read 30 February as 1 March. */
function isInstant(value: unknown): value is string {
  if (typeof value !== 'string' || !ISO_INSTANT.test(value)) return false;
  const [year, month, day] = value.slice(0, 10).split('-').map(Number) as [number, number, number];
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function toSafeInt(value: unknown): number {
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) {
    throw new GraphQLError(`${JSON.stringify(number)} is not a whole number between -(2^53 - 1) and 2^53 - 1.`);
  }
  return number;
}

function toText(value: unknown): string {
  if (typeof value !== 'string') throw new GraphQLError('A consistency token is text.');
  return value;
}

function literal(node: ValueNode, kind: Kind.STRING | Kind.INT): string {
  if (node.kind === kind) return node.value;
  throw new GraphQLError(kind === Kind.STRING ? 'Text is expected here.' : 'A whole number is expected here.');
}

/** Gives an error the place of the literal: graphql-js does so only for errors of its own scalars. */
function located<T>(node: ValueNode, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof GraphQLError ? new GraphQLError(error.message, { nodes: node }) : error;
  }
}
