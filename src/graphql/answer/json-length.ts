/** True if a text has a character that JSON escapes or that UTF-8 writes with more than one byte. */
const SPECIAL = /[^ !#-[\]-~]/;

/** The bytes of a text in JSON, quotes included: a control character takes six, others up to four. */
export function jsonLength(text: string): number {
  if (!SPECIAL.test(text)) return text.length + 2;
  let bytes = 2;
  for (let index = 0; index < text.length; index++) {
    const code = text.codePointAt(index) as number;
    // The character has two UTF-16 units.
    if (code > 0xffff) index++;
    bytes += bytesOf(code);
  }
  return bytes;
}

function bytesOf(code: number): number {
  if (code < 0x20) return SHORT_ESCAPES.has(code) ? 2 : 6;
  if (code < 0x80) return code === QUOTE || code === BACKSLASH ? 2 : 1;
  if (code < 0x800) return 2;
  if (code > 0xffff) return 4;
  // JSON escapes a lone surrogate.
  return code >= 0xd800 && code <= 0xdfff ? 6 : 3;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** \b \t \n \f \r */
const SHORT_ESCAPES: ReadonlySet<number> = new Set([8, 9, 10, 12, 13]);
