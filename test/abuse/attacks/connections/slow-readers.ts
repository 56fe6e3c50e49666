import type { Attack } from '../../attack.ts';
import type { Attacker } from '../../attacker.ts';

const NOTES = 10;
const CONNECTIONS = 300;
const READ_EVERY_MS = 100;

let token: string;

const QUERY = `notes(first: ${NOTES}) { nodes { content } }`;

export const slowReaders: Attack = {
  name: 'slow-readers',
  description: `reads answers of a megabyte and event streams a byte at a time, on ${CONNECTIONS} connections`,
  prepare: async (attacker: Attacker) => {
    ({ token } = await attacker.customer());
    const content = 'a'.repeat(100_000);
    await attacker.repeat(4, NOTES, () => attacker.command('createNote', { title: 'Slow', content }, token));
  },
  run: async (attacker) => {
    const noteChanges = attacker.repeat(1, 10_000, async (nth) => {
      await attacker.command('createNote', { title: `More ${nth}`, content: 'b'.repeat(10_000) }, token);
      await new Promise((resolve) => setTimeout(resolve, 200));
    });
    await attacker.repeat(16, CONNECTIONS, async (nth) => {
      const isStream = nth % 3 === 0;
      const body = JSON.stringify({ query: isStream ? `subscription { live { ${QUERY} } }` : `{ ${QUERY} }` });
      const socket = attacker.connect();
      const timer = setInterval(() => socket.read(1), READ_EVERY_MS);
      socket.once('close', () => clearInterval(timer));
      socket.pause();
      socket.write(
        `POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: ${isStream ? 'text/event-stream' : 'application/json'}\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      attacker.count('asked');
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
    await noteChanges;
  },
};
