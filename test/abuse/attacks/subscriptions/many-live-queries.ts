import { randomUUID } from 'node:crypto';
import type { Attack } from '../../attack.ts';
import type { Attacker } from '../../attacker.ts';

const NOTES = 60;
const SOCKETS = 20;
const EACH = 50;
const CHANGES = 20_000;

let token: string;
let noteIds: string[] = [];

export const manyLiveQueries: Attack = {
  name: 'many-live-queries',
  description: `subscribes to ${(SOCKETS * EACH).toLocaleString('en')} different live searches with their numbers and with former versions, and changes what they show`,
  prepare: async (attacker: Attacker) => {
    ({ token } = await attacker.customer());
    noteIds = [];
    const words = Array.from({ length: 1_500 }, (_, n) => `word${n % 400}`).join(' ');
    await attacker.repeat(4, NOTES, async (nth) => {
      const input = { title: `Note ${nth}`, content: words, workspaceId: randomUUID() };
      const { body } = await attacker.command('createNote', input, token);
      noteIds.push(/"aggregateId":"([^"]+)"/.exec(body)?.[1] ?? '');
    });
  },
  run: async (attacker) => {
    for (let nth = 0; nth < SOCKETS && !attacker.signal.aborted; nth++) {
      const socket = await attacker.socket(token);
      if (socket.readyState !== socket.OPEN) continue;
      for (let id = 0; id < EACH; id++) {
        const search = Array.from({ length: 20 }, (_, n) => `word${(nth * EACH + id + 7 * n) % 400}`).join(' ');
        const query = `subscription ($search: String) { live(everyMs: 50) {
          notes(filter: { search: $search }, first: 5) { totalCount nodes { version versions(first: 2) { totalCount nodes { version } } } }
          orders(filter: { search: $search }, first: 5) { totalCount nodes { version customer { name } } }
        } }`;
        socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload: { query, variables: { search } } }));
        attacker.count('subscribed');
      }
    }
    await attacker.repeat(2, CHANGES, (nth) =>
      attacker.command(
        nth % 16 < 8 ? 'tagNote' : 'untagNote',
        { noteId: noteIds[nth % NOTES], tag: `tag${nth % 5}` },
        token,
      ),
    );
  },
};
