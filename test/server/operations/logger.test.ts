import { describe, expect, it } from 'vitest';
import { escapeControls } from '../../../src/server/operations/logger.ts';

const shown = (msg: string) => JSON.parse(escapeControls(JSON.stringify({ msg }))).msg as string;

describe('a log line on a terminal', () => {
  it.each([
    ['\x1b[31mred', '\\u001b[31mred'],
    ['bell \x07, back \b, return \r', 'bell \\u0007, back \\b, return \\r'],
    ['\x9b31m and \x7f', '\\u009b31m and \\u007f'],
    ['user\u202egnp.exe', 'user\\u202egnp.exe'],
    ['a backslash \\ and \\u001b as text', 'a backslash \\ and \\u001b as text'],
    ['a backslash before one: \\\x1b', 'a backslash before one: \\\\u001b'],
    ['at a\n\tat b, naïve 漢字', 'at a\n\tat b, naïve 漢字'],
  ])('shows %j without what a terminal would obey', (text, wanted) => {
    expect(shown(text)).toBe(wanted);
  });
});
