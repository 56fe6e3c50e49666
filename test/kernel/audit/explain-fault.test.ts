import { describe, expect, it } from 'vitest';
import { explainFault } from '../../../src/kernel/audit/explain-fault.ts';
import type { LinkedEvent } from '../../../src/kernel/audit/stored-chain.ts';
import { chainHash, leafHash, originHash } from '../../../src/kernel/proof/hashes.ts';
import { LogFault } from '../../../src/kernel/proof/log-fault.ts';

type Stored = readonly [content: string, hash: Buffer];

const contentOf = (position: number, nth: number) => `{"position":${position},"eventId":"${nth}"}`;

/** A log of so many events. */
function logOf(size: number): Stored[] {
  let hash = originHash('any log');
  return Array.from({ length: size }, (_, nth) => {
    const content = contentOf(nth + 1, nth + 1);
    hash = chainHash(hash, leafHash(Buffer.from(content)));
    return [content, hash];
  });
}

/** Reads a log with pages of one event, which all have the same memory. */
function inOneMemory(log: readonly Stored[]) {
  const memory = Buffer.alloc(1000);
  return async function* read(after: number, until: number): AsyncGenerator<LinkedEvent[]> {
    for (const [nth, [text, hash]] of log.slice(after, until).entries()) {
      const content = memory.subarray(0, memory.write(text));
      const none = { encrypted: undefined, certificate: undefined };
      yield [{ position: after + nth + 1, content, hash, leaf: leafHash(content), ...none }];
      memory.fill(0);
    }
  };
}

/** What is said of a log that is right up to a position. */
async function explained(log: readonly Stored[], position: number): Promise<string> {
  const hash = log[position - 1]?.[1] ?? originHash('any log');
  const fault = await explainFault(
    new LogFault('it does not fit', position + 1),
    { position, hash },
    log.length,
    inOneMemory(log),
  );
  return `${fault.from}: ${fault.message}`;
}

const renumbered = (log: readonly Stored[]) =>
  log.map(([content, hash], nth): Stored => [content.replace(/\d+/, `${nth + 1}`), hash]);

describe('explaining a fault needs the memory of one page at a time', () => {
  it.each([1, 3, 900])('if %i events were removed, and later ones renumbered', async (count) => {
    const log = renumbered(logOf(2000).toSpliced(4, count));
    expect(await explained(log, 4)).toBe(
      count === 1
        ? '5: the event was removed, and later ones renumbered'
        : `5: ${count} events were removed, and later ones renumbered`,
    );
  });

  it('if all but the hashes were renumbered', async () => {
    const log = logOf(40);
    const contents = renumbered(log.toSpliced(4, 3)).map(([content]) => content);
    const forged = contents.map((content, nth): Stored => [content, log[nth]?.[1] ?? Buffer.alloc(32)]);
    expect(await explained(forged, 4)).toBe('5: 3 events were removed, and later ones renumbered');
  });

  it('if events were exchanged', async () => {
    const log = logOf(40);
    const [one, other] = [log[9], log[29]] as [Stored, Stored];
    const exchanged = renumbered(log.with(9, other).with(29, one));
    expect(await explained(exchanged, 9)).toBe('10: the events at this position and at 30 were exchanged');
  });

  it('if an event was altered', async () => {
    const log = logOf(40);
    const altered = log.with(9, [contentOf(10, 77), log[9]?.[1] as Buffer]);
    expect(await explained(altered, 9)).toBe('10: the event was altered, or the one before it together with its hash');
  });
});
