import { searchText } from '../../kernel/define/read-model/search-text.ts';
import { BadUserInputError } from '../errors.ts';
import { storableText } from './text.ts';

/** Longest search, in UTF-16 units. */
const MAX_SEARCH = 1000;
/** Each word is a separate condition on every row. */
const MAX_WORDS = 20;
/** Groups of letters and digits in all words: a full-text search looks for each. An email address has three, a UUID five. */
const MAX_TERMS = 100;

/**
 * The words of a search; none if there is no search. The limits apply to what is compared as well: U+FDFA alone becomes four
 * words when it is normalised, and a thousand of them took Postgres 200 ms.
 * @throws {BadUserInputError} if it is longer than anybody would type.
 */
export function searchWords(search: string | null | undefined): string[] {
  if (search == null) return [];
  if (search.length > MAX_SEARCH) throw new BadUserInputError(`A search is at most ${MAX_SEARCH} characters long.`);
  const words = wordsOf(storableText(search, 'A search'));
  const compared = searchText(search);
  if (words.length > MAX_WORDS || wordsOf(compared).length > MAX_WORDS) {
    throw new BadUserInputError(`A search has at most ${MAX_WORDS} words.`);
  }
  if ((compared.match(/[\p{L}\p{N}]+/gu)?.length ?? 0) > MAX_TERMS) {
    throw new BadUserInputError(`A search has at most ${MAX_TERMS} groups of letters and digits.`);
  }
  return words;
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}
