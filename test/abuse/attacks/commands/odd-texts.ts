import type { Attack } from '../../attack.ts';
import type { Attacker } from '../../attacker.ts';

/** Texts that somebody might hope Postgres, an index or a handler cannot take. */
const TEXTS: readonly ((attacker: Attacker) => string)[] = [
  // One character that stands for eighteen once it is searched.
  () => '\ufdfa'.repeat(90_000),
  // The maximum number of different words, each of one character.
  () => Array.from({ length: 45_000 }, (_, n) => String.fromCodePoint(0x4e00 + (n % 20_000))).join(' '),
  () => '\u{20000}'.repeat(45_000),
  // One word.
  ({ random }) => Array.from({ length: 90_000 }, () => String.fromCharCode(random.between(97, 122))).join(''),
  // About as long as a row of an index may be.
  ({ random }) => 'ü'.repeat(random.between(1_250, 1_400)),
  ({ random }) => Array.from({ length: 2_700 }, () => String.fromCharCode(random.between(33, 126))).join(''),
  () => 'a\u0000b',
  () => `\ud800${'x'.repeat(100)}`,
  () => '\u202e\u0007\\"\'{}[]%s$1;--',
  () => 'İ'.repeat(2_000),
  () => '',
];

/** The commands in which a customer may write a text. */
const FIELDS: readonly ((text: string, customerId: string) => readonly [command: string, input: object])[] = [
  (text) => ['createNote', { title: text, content: 'odd' }],
  (text) => ['createNote', { title: 'odd', content: text }],
  (text) => ['createNote', { title: 'odd', content: 'odd', tags: [text] }],
  (text) => ['createNote', { title: 'odd', content: 'odd', workspaceId: text }],
  (text, customerId) => ['renameCustomer', { customerId, name: text }],
  (text, authorId) => ['publishArticle', { authorId, title: text, body: 'odd' }],
  (text, authorId) => ['publishArticle', { authorId, title: 'odd', body: text }],
  (text, authorId) => ['publishArticle', { authorId, title: 'odd', body: 'odd', tags: [text] }],
];

export const oddTexts: Attack = {
  name: 'odd-texts',
  description: 'writes texts of which it hopes that they cannot be stored once they are accepted',
  run: async (attacker) => {
    const { id, token } = await attacker.customer();
    await attacker.command('registerAuthor', { id, displayName: 'Mallory' }, token);
    await attacker.repeat(8, 5_000, (nth) => {
      const text = TEXTS[nth % TEXTS.length]?.(attacker) ?? '';
      const [command, input] = FIELDS[nth % FIELDS.length]?.(text, id) ?? ['renameCustomer', {}];
      return attacker.command(command, input, token);
    });
  },
};
