import type { Attack } from '../../attack.ts';

/** Subjects that an identity provider could give out. */
const subjects: readonly string[] = [
  ...[
    'x'.repeat(7_336),
    'y'.repeat(2_700),
    'a\0b',
    'a\ud800b',
    'system',
    'SYSTEM',
    ' system ',
    '\u202esystem',
    'ｓｙｓｔｅｍ',
  ],
  ...['', ' ', '\u200b', '🦀'.repeat(700), 'a\nb', 'constructor', '__proto__'],
];

export const oddSubjects: Attack = {
  name: 'odd-subjects',
  description: 'writes as subjects that are too long, hold NUL or half a character, or look like the system',
  run: (attacker) =>
    attacker.repeat(8, 4_000, async (nth) => {
      const subject = subjects[nth % subjects.length] as string;
      const token = await attacker.token(subject, ['customer', 'staff'], { name: subject });
      const product = { sku: `ODD-${nth}`, name: 'Odd', price: { amount: 1, currency: 'GBP' } };
      await attacker.command('registerProduct', product, token);
    }),
};
