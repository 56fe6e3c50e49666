import { describe, expect, it } from 'vitest';
import { terminalSafe } from '../../src/text/terminal.ts';

describe('text for a terminal', () => {
  it.each([
    ['a colour', '\u001b[31mred', '\\u001b[31mred'],
    ['a title of the window', '\u001b]0;owned\u0007', '\\u001b]0;owned\\u0007'],
    ['an eight-bit control', '\u009b2J', '\\u009b2J'],
    ['a line that overwrites itself', 'true\rfalse', 'true\\u000dfalse'],
    ['a second line', 'one\ntwo', 'one\\u000atwo'],
    ['a character that turns the direction', 'exe.\u202egpj', 'exe.\\u202egpj'],
    ['a zero-width space', 'ad\u200bmin', 'ad\\u200bmin'],
    ['an invisible tag', '\u{e0041}', '\\udb40\\udc41'],
    ['a line separator', 'a\u2028b', 'a\\u2028b'],
    ['half of a surrogate pair', 'a\ud800b', 'a\\ud800b'],
    ['delete', 'a\u007f', 'a\\u007f'],
  ])('shows %s and does not obey it', (_, text, shown) => {
    expect(terminalSafe(text)).toBe(shown);
  });

  it.each(['', 'Größe', '李', '🫖', 'a\tb', 'C:\\new', '{"a":"b"}'])('leaves %j as it is', (text) => {
    expect(terminalSafe(text)).toBe(text);
  });

  it('is the same JSON if it is JSON', () => {
    const value = { name: 'x\u001b[0m\u202e\u{e0041}\n"\\', list: ['\u007f\u0085'] };
    const shown = terminalSafe(JSON.stringify(value));
    expect(JSON.parse(shown)).toEqual(value);
    expect(shown).toMatch(/^[\x20-\x7e]+$/);
  });
});
