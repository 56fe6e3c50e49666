/**
 * Characters that a terminal or an editor executes instead of showing: controls (including ANSI sequences), direction
 * overrides, zero-width and other format characters, line and paragraph separators, lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const HAS_UNSAFE = new RegExp(UNSAFE.source, 'u');

/**
 * A text of one line that a terminal shows literally: characters that it would execute are written as `\u001b`. Tabs
 * stay.
 *
 * Within JSON the result is equivalent JSON, because the escapes are those of JSON.
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
