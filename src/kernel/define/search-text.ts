/**
 * Text as it is searched: without case, accents and variants of the same letter, whatever the database's locale is. Both sides
 * of a comparison have to go through it: a column that a fold has filled, and the words that somebody looks for.
 *
 * NFKD takes letters and marks apart (Unicode Standard Annex 15); what it leaves alone, such as ß and ø, stays.
 */
export function searchText(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ς', 'σ');
}
