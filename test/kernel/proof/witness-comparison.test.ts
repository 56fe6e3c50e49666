import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { keyIdOf } from '../../../src/kernel/proof/signed-head.ts';
import { verifyExport } from '../../../src/kernel/proof/verify-export.ts';
import { contentOf, exportOf, fileOf, KEYS, type MadeLog } from './made-export.ts';

const keys = new Map([[keyIdOf(KEYS.publicKey), KEYS.publicKey]]);
const log = { size: 23, heads: [5, 9, 10, 20] };

/** What a witness has been given of a log. */
const witnessOf = (of: MadeLog) => exportOf(of).filter((line) => line.startsWith('{"head"'));

async function verdictWith(witness: readonly string[], lines: readonly string[]) {
  async function* chunks() {
    yield fileOf(lines);
  }
  async function* given() {
    yield* witness;
  }
  const { fault, witnessed } = await verifyExport(chunks(), { keys, witness: given() });
  return { fault: fault && [fault.from, fault.to, fault.reason], witnessed };
}

describe('an export beside what a witness has', () => {
  it('is confirmed if the witness has the same heads, some of them twice', async () => {
    const witness = witnessOf(log);
    expect(await verdictWith(witness, exportOf(log))).toEqual({ fault: undefined, witnessed: 4 });
    const repeated = witness.flatMap((line, n) => (n % 2 ? [line, line] : [line]));
    expect(await verdictWith([...repeated, ''], exportOf(log))).toEqual({ fault: undefined, witnessed: 4 });
  });

  it('may begin later, and have heads that the witness was not given', async () => {
    expect(await verdictWith(witnessOf(log), exportOf(log, { from: 8 }))).toEqual({ fault: undefined, witnessed: 3 });
    expect(await verdictWith(witnessOf(log).slice(0, 2), exportOf(log))).toEqual({ fault: undefined, witnessed: 2 });
    expect(await verdictWith(witnessOf(log).slice(2), exportOf(log))).toEqual({ fault: undefined, witnessed: 2 });
    expect(await verdictWith(witnessOf(log).toSpliced(1, 2), exportOf(log))).toEqual({
      fault: undefined,
      witnessed: 2,
    });
    expect(await verdictWith([], exportOf(log))).toMatchObject({
      fault: [1, 1, expect.stringContaining('the witness has no head')],
    });
  });

  it('fails if the end of the log was left out', async () => {
    const shorter = exportOf({ size: 12, heads: [5, 9, 10] });
    expect(await verdictWith(witnessOf(log), shorter)).toMatchObject({
      fault: [13, 20, 'the export ends here, and the witness has a head of position 20'],
    });
  });

  it('fails if the owner of the key has written the log anew', async () => {
    const contents = Array.from({ length: 23 }, (_, n) => contentOf(n + 1));
    contents[6] = contentOf(7).replace('Placed', 'Closed');
    const forged = exportOf({ contents, heads: log.heads });
    expect(await verdictWith(witnessOf({ contents, heads: log.heads }), forged)).toMatchObject({ fault: undefined });
    expect(await verdictWith(witnessOf(log), forged)).toMatchObject({
      fault: [6, 9, expect.stringContaining('another head')],
    });
    const fewer = exportOf({ ...log, heads: [5, 20] });
    expect(await verdictWith(witnessOf(log), fewer)).toMatchObject({
      fault: [6, 20, expect.stringContaining('another head')],
    });
  });

  it('fails if the export lacks a head, though it goes on after its position', async () => {
    const without = exportOf({ size: 23, heads: [5, 9, 10] });
    expect(await verdictWith(witnessOf(log), without)).toMatchObject({
      fault: [11, 20, 'the witness has a head of position 20 that the export lacks'],
    });
  });

  it('does not believe a witness whose heads are out of order, altered or signed by others', async () => {
    const witness = witnessOf(log);
    const reordered = [witness[1], witness[0]] as string[];
    expect(await verdictWith(reordered, exportOf(log))).toMatchObject({
      fault: [5, 9, expect.stringContaining('went on')],
    });
    const altered = witness.with(2, (witness[2] as string).replace('"head"', '"heads"'));
    expect(await verdictWith(altered, exportOf(log))).toMatchObject({
      fault: [10, 10, 'line 3 of the witness is no head'],
    });
    const others = witnessOf({ ...log, privateKey: generateKeyPairSync('ed25519').privateKey });
    expect(await verdictWith(others, exportOf(log))).toMatchObject({
      fault: [5, 5, expect.stringContaining('not signed with your key')],
    });
  });
});
