import { type SQL, type SQLWrapper, sql } from 'drizzle-orm';

/** Longest {@link sortText}, in UTF-16 units: at most 300 bytes, which every index of Postgres can hold. */
const MAX_SORT_TEXT = 100;

/**
 * Normalises text for searching: without case, accents and variants of the same letter, independent of the database's
 * locale. Apply it to both sides of a comparison: the column that a fold fills, and the words of the search.
 *
 * NFKD separates letters and marks (Unicode Standard Annex 15); letters without a decomposition, such as ß and ø, stay.
 */
export function searchText(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ς', 'σ');
}

/**
 * The beginning of a text as {@link searchText} writes it, for a column that a list is sorted by: names are then sorted
 * without regard to case and accents. It is short because an index cannot hold a long text, and one character can become
 * many.
 */
export function sortText(text: string): string {
  const folded = searchText(text);
  const length = (folded.codePointAt(MAX_SORT_TEXT - 1) ?? 0) > 0xffff ? MAX_SORT_TEXT - 1 : MAX_SORT_TEXT;
  return folded.slice(0, length);
}

/**
 * The same as {@link searchText} for text in Postgres (`read.search_text`) that no fold has normalised. Apply it to both
 * sides of a comparison.
 */
export function searchTextIn(text: SQLWrapper): SQL<string> {
  return sql`read.search_text(${text})`;
}

/** True if a text occurs in a column that a fold has filled with {@link searchText}. */
export function containsText(column: SQLWrapper, text: string): SQL<boolean> {
  return sql`${column} like ${`%${searchText(text).replace(/[\\%_]/g, '\\$&')}%`}`;
}
