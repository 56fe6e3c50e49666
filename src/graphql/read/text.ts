import { BadUserInputError } from '../errors.ts';

/** Text that Postgres can be asked for. @throws {BadUserInputError} where it holds NUL or half of a surrogate pair. */
export function storableText(text: string, what: string): string {
  if (text.includes('\0')) throw new BadUserInputError(`${what} cannot hold the character NUL.`);
  if (!text.isWellFormed()) throw new BadUserInputError(`${what} must be well-formed Unicode.`);
  return text;
}
