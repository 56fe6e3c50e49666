import { randomUUID } from 'node:crypto';
import type { Attack } from '../../attack.ts';
import type { Attacker } from '../../attacker.ts';

const NOTES = 40;

let token: string;
let noteId: string;

export const largeReceipts: Attack = {
  name: 'large-receipts',
  description: `tags a note and reads ${NOTES} notes of 100,000 characters with the receipt, 16 at a time`,
  prepare: async (attacker: Attacker) => {
    ({ token } = await attacker.customer());
    noteId = randomUUID();
    await attacker.command('createNote', { id: noteId, title: 'Small', content: 'small' }, token);
    const content = 'ü'.repeat(100_000);
    await attacker.repeat(4, NOTES, () => attacker.command('createNote', { title: 'Large', content }, token));
  },
  run: (attacker) => {
    const read = `query { notes(first: ${NOTES}) { edges { node { content } } } }`;
    const mutation = (command: string) =>
      `mutation { ${command}(input: { noteId: "${noteId}", tag: "large" }) { ... on CommandReceipt { ${read} } } }`;
    const [tag, untag] = [mutation('tagNote'), mutation('untagNote')];
    return attacker.repeat(16, 10_000, (nth) => attacker.query(nth % 2 === 0 ? tag : untag, {}, token));
  },
};
