/**
 * Normalises text for searching: without case, accents and variants of the same letter, independent of the database's
 * locale. Apply it to both sides of a comparison: the column that a fold fills, and the words of the search.
 *
 * NFKD separates letters and marks (Unicode Standard Annex 15); letters without a decomposition, such as ß and ø, stay.
 */
export function searchText(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ς', 'σ');
}
