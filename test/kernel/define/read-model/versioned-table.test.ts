import { describe, expect, it } from 'vitest';
import { versionedName } from '../../../../src/kernel/define/read-model/versioned-table.ts';

describe('the name of a table of a version', () => {
  it('is the declared one with the version', () => {
    expect(versionedName('orders', 3)).toBe('orders_v3');
  });

  it.each(['a', 'é', '𝄞'])('is as short as Postgres demands, and another for each long name of %s', (letter) => {
    const names = [60, 80].map((length) => letter.repeat(length));
    const stored = names.flatMap((name) => [1, 12].map((version) => versionedName(name, version)));
    for (const name of stored) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
    expect(new Set(stored).size).toBe(4);
    expect(stored.every((name) => name.isWellFormed())).toBe(true);
  });
});
