/**
 * Characters that a terminal or an editor obeys and does not show: controls (so all of ANSI), direction overrides, zero-width
 * and other format characters, line and paragraph separators, halves of surrogate pairs.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const HAS_UNSAFE = new RegExp(UNSAFE.source, 'u');

/**
 * A text of one line that a terminal shows as it is: what would be obeyed is written as `\u001b`. Tabs stay.
 *
 * Within JSON the result is the same JSON: the escapes are those of JSON, and read back they are the characters.
 */
export function terminalSafe(line: string): string {
  return HAS_UNSAFE.test(line)
    ? line.replace(UNSAFE, (character) => (character === '\t' ? '\t' : escaped(character)))
    : line;
}

function escaped(character: string): string {
  let text = '';
  for (let index = 0; index < character.length; index++) {
    text += `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }
  return text;
}
