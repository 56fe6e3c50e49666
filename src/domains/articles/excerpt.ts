/** The most that an excerpt has, in UTF-16 units, its ellipsis among them. */
export const MAX_EXCERPT = 200;

/**
 * The beginning of a text on one line, cut after a word where it is too long. A first word that is too long itself is cut, but
 * not within a character.
 */
export function excerptOf(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  if (line.length <= MAX_EXCERPT) return line;
  const space = line.lastIndexOf(' ', MAX_EXCERPT - 1);
  return `${line.slice(0, space > 0 ? space : wholeCharacters(line, MAX_EXCERPT - 1))}…`;
}

/** The length up to which no surrogate pair is cut in two. */
function wholeCharacters(text: string, length: number): number {
  return (text.codePointAt(length - 1) ?? 0) > 0xffff ? length - 1 : length;
}
