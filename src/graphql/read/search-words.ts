import { BadUserInputError } from '../errors.ts';
import { storableText } from './text.ts';

/** Longest search, in UTF-16 units. */
const MAX_SEARCH = 1000;
/** Each word is a separate condition on every row. */
const MAX_WORDS = 20;

/** The words of a search; none if there is no search. @throws {BadUserInputError} if it is longer than anybody would type. */
export function searchWords(search: string | null | undefined): string[] {
  if (search == null) return [];
  if (search.length > MAX_SEARCH) throw new BadUserInputError(`A search is at most ${MAX_SEARCH} characters long.`);
  const words = storableText(search, 'A search').split(/\s+/).filter(Boolean);
  if (words.length > MAX_WORDS) throw new BadUserInputError(`A search has at most ${MAX_WORDS} words.`);
  return words;
}
