import { randomUUID } from 'node:crypto';
import type { Attack } from '../../attack.ts';
import { Attacker } from '../../attacker.ts';

const ADDRESSES = 100;
const LANES = 100;

export const newSubjects: Attack = {
  name: 'new-subjects',
  description: `is somebody else with each request, from ${ADDRESSES} addresses: writes, reads and sends a document of its own each time`,
  run: async (attacker) => {
    const { url, random, signal } = attacker;
    const many = Array.from(
      { length: ADDRESSES },
      (_, nth) => new Attacker({ url, random, signal, address: `127.0.2.${nth + 1}` }),
    );
    await attacker.repeat(LANES, 200_000, async (nth) => {
      const from = many[nth % ADDRESSES] as Attacker;
      const id = randomUUID();
      const token = await from.token(id, ['customer'], { nth });
      const { code } =
        nth % 4 === 0
          ? await from.command('registerCustomer', { id, name: 'Mallory', email: 'mallory@example.org' }, token)
          : await from.query(
              `query N${nth} { a${nth}: me { id } orders(first: 20) { totalCount nodes { id } } notes(first: 20) { nodes { id } } }`,
              {},
              token,
            );
      attacker.count(code);
    });
    for (const each of many) each.leave();
  },
};
