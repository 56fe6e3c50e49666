import { cut } from '../shared/cut.ts';

/** Longest excerpt, in UTF-16 units, including the ellipsis. */
export const MAX_EXCERPT = 200;

/**
 * The beginning of a text on one line, cut after a word if it is too long. A first word that is itself too long is cut,
 * but not within a character.
 */
export function excerptOf(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  if (line.length <= MAX_EXCERPT) return line;
  const space = line.lastIndexOf(' ', MAX_EXCERPT - 1);
  return `${space > 0 ? line.slice(0, space) : cut(line, MAX_EXCERPT - 1)}…`;
}
