import { type SQL, type SQLWrapper, sql } from 'drizzle-orm';

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
 * The same for text in Postgres (`read.search_text`) that no fold has normalised. Apply it to both sides of a
 * comparison.
 */
export function searchTextIn(text: SQLWrapper): SQL<string> {
  return sql`read.search_text(${text})`;
}
