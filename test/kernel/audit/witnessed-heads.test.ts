import { describe, expect, it } from 'vitest';
import { originHash } from '../../../src/kernel/proof/hashes.ts';
import { headLine, keyIdOf, signHead } from '../../../src/kernel/proof/signed-head.ts';
import { witnessedHeads } from '../../../src/kernel/proof/witnessed-heads.ts';
import { openWitness } from '../../../src/server/audit/witnesses.ts';
import { newSigningKey } from '../../support/kernel/forging.ts';

const { privateKey } = newSigningKey();

function lineOf(position: number, origin = 'any'): string {
  const hashes = {
    origin: originHash(origin),
    hash: originHash('hash'),
    root: originHash('root'),
    previous: undefined,
  };
  return headLine(
    signHead({ ...hashes, position, signedAt: new Date(position), keyId: keyIdOf(privateKey) }, privateKey),
  );
}

async function* linesOf(lines: readonly string[]) {
  yield* lines;
}

async function positionsIn(lines: readonly string[], after = 0): Promise<number[]> {
  const positions: number[] = [];
  for await (const { content } of witnessedHeads(linesOf(lines), after)) positions.push(content.position);
  return positions;
}

describe('the lines of a witness', () => {
  it('may repeat heads anywhere, as two servers or a second handing over leave them', async () => {
    expect(await positionsIn([41, 42, 41, 43, 41, 42, 43, 44].map((position) => lineOf(position)))).toEqual([
      41, 42, 43, 44,
    ]);
  });

  it('have one head of a position, and new ones only after the last', async () => {
    await expect(positionsIn([lineOf(41), lineOf(41, 'another')])).rejects.toThrow('went on');
    await expect(positionsIn([lineOf(41), lineOf(43), lineOf(42)])).rejects.toThrow('after one of position 43');
  });

  it('are a fault if there is no head among them', async () => {
    await expect(positionsIn([])).rejects.toThrow('the witness has no head');
    await expect(positionsIn([''])).rejects.toThrow('the witness has no head');
    expect(await positionsIn([lineOf(5)], 7)).toEqual([]);
  });
});

it('a witness stays the same if only the credentials of its URL change', () => {
  const id = (url: string) => openWitness(url).id;
  expect(id('https://ada:one@audit.test/heads?token=1')).toBe(id('https://ada:two@audit.test/heads?token=2'));
  expect(id('https://audit.test/{position}.json')).not.toBe(id('https://audit.test/other/{position}.json'));
  expect(id('file:///one')).not.toBe(id('file:///other'));
});
