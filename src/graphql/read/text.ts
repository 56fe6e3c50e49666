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

/** A key in the form that the read model stores. @throws {BadUserInputError} */
export function keyFor(projection: Pick<Projection, 'key'>, key: string): string {
  if (projection.key[0]?.column.getSQLType() !== 'uuid') return storableText(key, 'A key');
  return uuidFrom(key);
}
