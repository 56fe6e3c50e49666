import { BadUserInputError } from '../errors.ts';

/** True for an id as Postgres takes it, of whatever version and variant. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);
}

/** Text that Postgres can be asked for. @throws {BadUserInputError} where it holds NUL or half of a surrogate pair. */
export function storableText(text: string, what: string): string {
  if (text.includes('\0')) throw new BadUserInputError(`${what} cannot hold the character NUL.`);
  if (!text.isWellFormed()) throw new BadUserInputError(`${what} must be well-formed Unicode.`);
  return text;
}
