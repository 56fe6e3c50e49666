import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { originHash } from '../../../src/kernel/proof/hashes.ts';
import { fc } from '../../support/properties.ts';
import { verdictOn } from './both-verifiers.ts';
import { contentOf, exportOf, fileOf, KEYS, type MadeRange, ORIGIN } from './made-export.ts';

const log = { size: 23, heads: [5, 9, 10, 20] };
/** Ranges that begin and end at heads, between them and after the last one. */
const ranges: MadeRange[] = [{}, { from: 4 }, { from: 6, to: 12 }, { from: 10, to: 20 }, { from: 1, to: 20 }];
const aRange = fc.constantFrom(...ranges);

/** A line of an export, and the position that its reader has reached before it. */
interface Placed {
  readonly line: string;
  readonly position: number;
  readonly kind: 'header' | 'event' | 'leaf' | 'head' | 'end';
}

function placed(lines: readonly string[], from = 1): Placed[] {
  let position = from - 1;
  return lines.map((line, at) => {
    const kind =
      at === 0 ? 'header' : (['event', 'leaf', 'head', 'end'] as const).find((k) => line.includes(`"${k}":`));
    if (kind === 'event' || kind === 'leaf') position++;
    return { line, position, kind: kind as Placed['kind'] };
  });
}

describe('an export that nobody has changed', () => {
  it('proves the events up to the last head, and says which come after it', async () => {
    const verdict = await verdictOn(fileOf(exportOf(log)));
    expect(verdict).toEqual({ isProved: true, fault: undefined, proved: 20, followed: 23, heads: [5, 20] });
  });

  it('proves any range, with the leaves up to the next head if the range ends between two', async () => {
    for (const [from, to, proved, heads] of [
      [1, 20, 20, [5, 20]],
      [4, 23, 20, [5, 20]],
      [6, 12, 12, [9, 20]],
      [7, 7, 7, [9, 9]],
      [10, 10, 10, [10, 10]],
      [20, 22, 20, [20, 20]],
    ] as const) {
      const verdict = await verdictOn(fileOf(exportOf(log, { from, to })));
      expect(verdict, `${from} to ${to}`).toEqual({ isProved: true, fault: undefined, proved, followed: to, heads });
    }
  });

  it('proves nothing if no head was signed in it, and does not pass', async () => {
    const nothing = { isProved: false, fault: undefined, proved: 0, heads: undefined };
    expect(await verdictOn(fileOf(exportOf(log, { from: 21 })))).toEqual({ ...nothing, followed: 23 });
    expect(await verdictOn(fileOf(exportOf({ size: 3, heads: [] })))).toEqual({ ...nothing, followed: 3 });
    expect(await verdictOn(fileOf(exportOf({ size: 0, heads: [] })))).toEqual({ ...nothing, followed: 0 });
  });

  it('proves nothing if it has no event that its heads cover, and does not pass', async () => {
    for (const [from, to] of [
      [1, 0],
      [6, 5],
    ] as const) {
      const verdict = await verdictOn(fileOf(exportOf(log, { from, to, until: 9 })));
      expect(verdict).toMatchObject({ isProved: false, fault: undefined, followed: to });
    }
  });

  it('of another log that was signed with the same key passes only if no log was named', async () => {
    const file = fileOf(exportOf({ ...log, origin: 'afterwrite log of the staging system' }));
    const origin = (text: string) => originHash(text).toString('hex');
    expect((await verdictOn(file)).isProved).toBe(true);
    expect((await verdictOn(file, undefined, 97, origin('afterwrite log of the staging system'))).isProved).toBe(true);
    const other = await verdictOn(file, undefined, 97, origin(ORIGIN));
    expect(other).toMatchObject({ isProved: false, fault: [1, 1], heads: undefined });
  });

  it('has the same verdict however its bytes arrive', async () => {
    const file = fileOf(exportOf(log));
    const expected = await verdictOn(file, undefined, file.length);
    for (const chunk of [1, 2, 83, 1000]) expect(await verdictOn(file, undefined, chunk)).toEqual(expected);
  });

  it('may have been signed with several keys, one after the other', async () => {
    const other = generateKeyPairSync('ed25519');
    expect((await verdictOn(fileOf(exportOf(log)), [other.publicKey, KEYS.publicKey])).isProved).toBe(true);
  });
});

describe('a forged export', () => {
  it('fails if any single bit differs, at the position of the bit', async () => {
    await fc.assert(
      fc.asyncProperty(aRange, fc.nat(), fc.nat(7), async (range, at, bit) => {
        const lines = placed(exportOf(log, range), range.from);
        const file = fileOf(lines.map(({ line }) => line));
        const byte = at % file.length;
        file[byte] = (file[byte] as number) ^ (1 << bit);
        const { isProved, fault } = await verdictOn(file);
        expect(isProved).toBe(false);
        const { kind, position } = lineAt(lines, byte);
        const [from, to] = fault ?? [0, 0];
        if (kind === 'event' || kind === 'leaf') expect(fault).toEqual([position, position]);
        // What is false about the log before shows at the first head; a damaged head or end shows before the next event.
        if (kind === 'head') expect(from <= position + 1 && to >= position).toBe(true);
        if (kind === 'end') expect(from).toBe(position + 1);
      }),
      { numRuns: 400 },
    );
  });

  it('fails if a line is missing, doubled, moved or inserted', async () => {
    const change = fc.constantFrom('drop', 'double', 'swap', 'insert');
    await fc.assert(
      fc.asyncProperty(aRange, change, fc.nat(), fc.nat(), async (range, how, at, other) => {
        const lines = exportOf(log, range);
        const n = at % lines.length;
        const forged = [...lines];
        if (how === 'drop') forged.splice(n, 1);
        if (how === 'double') forged.splice(n, 0, lines[n] as string);
        if (how === 'swap') forged.splice(n, 2, ...lines.slice(n, n + 2).reverse());
        if (how === 'insert') forged.splice(n, 0, lines[other % lines.length] as string);
        const isSame = forged.join('\n') === lines.join('\n');
        expect((await verdictOn(fileOf(forged))).isProved).toBe(isSame);
      }),
      { numRuns: 300 },
    );
  });

  it('names the position of an event that is missing, doubled, moved or inserted', async () => {
    const lines = exportOf(log);
    for (const [n, { kind, position }] of placed(lines).entries()) {
      if (kind !== 'event') continue;
      const faultOf = async (forged: string[]) => (await verdictOn(fileOf(forged))).fault;
      const expected = [position, position];
      expect(await faultOf(lines.toSpliced(n, 1)), 'missing').toEqual(expected);
      expect(await faultOf(lines.toSpliced(n, 0, contentOf(position))), 'inserted').toEqual(expected);
      expect(await faultOf(lines.toSpliced(n, 0, lines[n] as string)), 'doubled').toEqual([position + 1, position + 1]);
      if (lines[n + 1]?.includes('"event":')) {
        const swapped = [lines[n + 1], lines[n]] as string[];
        expect(await faultOf(lines.toSpliced(n, 2, ...swapped)), 'moved').toEqual(expected);
      }
    }
  });

  it('fails if it is cut off anywhere', async () => {
    const file = fileOf(exportOf(log));
    for (let bytes = 0; bytes < file.length; bytes += 1 + (bytes % 13)) {
      expect((await verdictOn(file.subarray(0, bytes))).fault).toBeDefined();
    }
    expect((await verdictOn(file.subarray(0, -1))).fault).toEqual([24, 24]);
  });

  it('proves less if its end was removed cleverly: the verdict says up to where', async () => {
    const verdict = await verdictOn(fileOf(exportOf({ size: 12, heads: [5, 9, 10] })));
    expect(verdict).toEqual({ isProved: true, fault: undefined, proved: 10, followed: 12, heads: [5, 10] });
  });

  it('cannot prove an event that was altered, even if all hashes after it were computed again', async () => {
    const honest = exportOf(log);
    for (let position = 1; position <= log.size; position++) {
      const contents = Array.from({ length: log.size }, (_, n) => contentOf(n + 1));
      contents[position - 1] = contentOf(position).replace('Placed', 'Shipped');
      const forged = exportOf({ contents, heads: [] });
      // The heads of the honest log, at their places; the forger cannot sign others.
      const lines = honest.map((line) => (line.includes('"event":') ? (forged[positionIn(line)] as string) : line));
      const { isProved, fault, proved } = await verdictOn(fileOf(lines));
      const head = log.heads.find((at) => at >= position);
      if (head === undefined) {
        // Nobody has signed it yet: it is not proved, and the verdict says so.
        expect([fault, proved]).toEqual([undefined, 20]);
      } else {
        const before = log.heads.findLast((at) => at < position) ?? 0;
        expect(isProved).toBe(false);
        expect([fault, proved]).toEqual([[before + 1, head], before]);
      }
    }
  });

  it('fails if a head is of another log or another key', async () => {
    const lines = exportOf(log);
    const at = lines.findIndex((line) => line.startsWith('{"head"'));
    const others = [
      exportOf({ ...log, origin: 'afterwrite log 5d1f0e9c-0000-4000-8000-000000000000' })[at],
      exportOf({ ...log, privateKey: generateKeyPairSync('ed25519').privateKey })[at],
      exportOf({ size: 5, contents: ['{"position":1,}', '{}', '{}', '{}', '{}'], heads: [5] })[at],
    ];
    for (const other of others) {
      expect(other).toMatch(/^\{"head":/);
      const { isProved, fault, proved } = await verdictOn(fileOf(lines.toSpliced(at, 1, other as string)));
      expect({ isProved, proved, to: fault?.[1] }).toEqual({ isProved: false, proved: 0, to: 5 });
    }
  });

  it('fails if a head stands after another event than the one whose position it has', async () => {
    const lines = exportOf(log);
    const at = lines.findIndex((line) => line.startsWith('{"head"'));
    const later = exportOf({ ...log, heads: [6] })[at + 1] as string;
    expect((await verdictOn(fileOf(lines.toSpliced(at, 1, later)))).fault).toEqual([6, 6]);
  });

  it('fails with another key, and without any', async () => {
    const file = fileOf(exportOf(log));
    const nothing = { isProved: false, fault: [5, 5], proved: 0, followed: 5, heads: undefined };
    expect(await verdictOn(file, [generateKeyPairSync('ed25519').publicKey])).toEqual(nothing);
    expect(await verdictOn(file, [])).toEqual(nothing);
  });

  it('fails if a head between two others is removed, or the heads are counted wrongly', async () => {
    const lines = exportOf(log);
    const heads = lines.flatMap((line, n) => (line.startsWith('{"head"') ? [n] : []));
    const faultWithout = async (n: number) => (await verdictOn(fileOf(lines.toSpliced(heads[n] as number, 1)))).fault;
    expect(await faultWithout(1)).toEqual([6, 10]);
    expect(await faultWithout(3)).toEqual([24, 24]);
  });
});

function positionIn(line: string): number {
  return Number(/"position":(\d+)/.exec(line)?.[1]);
}

/** The line to which a byte of the file belongs, with its line feed. */
function lineAt(lines: readonly Placed[], byte: number): Placed {
  let end = 0;
  for (const each of lines) {
    end += Buffer.byteLength(each.line) + 1;
    if (byte < end) return each;
  }
  throw new Error('The file is shorter.');
}
