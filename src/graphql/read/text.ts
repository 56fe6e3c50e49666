import type { Projection } from '../../kernel/define/read-model/projection.ts';
import { isUuid } from '../../kernel/define/uuid.ts';
import { BadUserInputError } from '../errors.ts';

/** An id in the form that Postgres stores. @throws {BadUserInputError} if it is not an id. */
export function uuidFrom(text: string): string {
  if (!isUuid(text)) throw new BadUserInputError(`${JSON.stringify(text.slice(0, 60))} is not an id: ids are UUIDs.`);
  return text.toLowerCase();
}

/** Text that can be sent to Postgres. @throws {BadUserInputError} if it contains NUL or half of a surrogate pair. */
export function storableText(text: string, what: string): string {
  if (text.includes('\0')) throw new BadUserInputError(`${what} cannot hold the character NUL.`);
  if (!text.isWellFormed()) throw new BadUserInputError(`${what} must be well-formed Unicode.`);
  return text;
}

/** A key in the form that the read model stores. @throws {BadUserInputError} if no row can have it. */
export function keyFor(projection: Pick<Projection, 'key'>, key: string): string {
  const column = projection.key[0]?.column;
  const type = column?.getSQLType() ?? 'text';
  if (type === 'uuid') return uuidFrom(key);
  const most = column?.columnType === 'PgBigInt53' ? MAX_SAFE : INTEGERS.get(type);
  if (most !== undefined) return integerFrom(key, most);
  if (NUMBER_TYPE.test(type)) return numberFrom(key);
  return storableText(key, 'A key');
}

/** The highest values of Postgres' integers. The lowest is -1 - highest. */
const INTEGERS: ReadonlyMap<string, bigint> = new Map([
  ...(['smallint', 'smallserial'] as const).map((type) => [type, 2n ** 15n - 1n] as const),
  ...(['integer', 'serial'] as const).map((type) => [type, 2n ** 31n - 1n] as const),
  ...(['bigint', 'bigserial'] as const).map((type) => [type, 2n ** 63n - 1n] as const),
]);
/** Columns that are read as numbers of JavaScript hold no others. */
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const NUMBER_TYPE = /^(numeric|real|double precision)/;

/** An integer as Postgres writes it. @throws {BadUserInputError} if it is none, or too large for the column. */
function integerFrom(text: string, most: bigint): string {
  const value = /^-?\d{1,20}$/.test(text) ? BigInt(text) : undefined;
  if (value !== undefined && value <= most && value >= -1n - most) return String(value);
  throw new BadUserInputError(
    `${JSON.stringify(text.slice(0, 60))} is not a key: keys are whole numbers from ${-1n - most} to ${most}.`,
  );
}

/** A number that each of Postgres' other types of numbers takes. @throws {BadUserInputError} if it is none. */
function numberFrom(text: string): string {
  if (/^-?\d{1,30}(\.\d{1,30})?$/.test(text)) return text;
  throw new BadUserInputError(
    `${JSON.stringify(text.slice(0, 60))} is not a key: keys are decimal numbers such as 12.5.`,
  );
}
