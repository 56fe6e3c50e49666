import { describe, expect, it } from 'vitest';
import { Freshness } from '../../docs/example/clients/freshness.ts';

describe('what a client remembers', () => {
  it('is every token that it was given and that no later answer stands for', () => {
    const freshness = new Freshness();
    freshness.wrote({ token: 'first write' });
    freshness.wrote({ token: 'second write' });
    expect(freshness.tokens).toEqual(['first write', 'second write']);
    freshness.read({ token: 'read after the first' }, ['first write']);
    expect(freshness.tokens).toEqual(['second write', 'read after the first']);
    freshness.read({ token: 'stale read', stale: true }, ['second write']);
    expect(freshness.tokens).toEqual(['second write', 'read after the first']);
    freshness.forget(['second write']);
    expect(freshness.tokens).toEqual(['read after the first']);
  });

  it('does not grow with every write', () => {
    const freshness = new Freshness();
    for (let write = 1; write <= 100; write++) freshness.wrote({ token: `write ${write}` });
    expect(freshness.tokens).toHaveLength(20);
    expect(freshness.tokens.at(-1)).toBe('write 100');
  });
});
