import { randomUUID } from 'node:crypto';
import type { Attack } from '../../attack.ts';

export const repeatedCommands: Attack = {
  name: 'repeated-commands',
  description: 'sends a command of 100,000 characters again and again under its command id',
  run: async (attacker) => {
    const { token } = await attacker.customer();
    const input = { id: randomUUID(), title: 'Again', content: 'é'.repeat(100_000) };
    const commandId = randomUUID();
    await attacker.repeat(32, 20_000, () => attacker.command('createNote', input, token, commandId));
  },
};
