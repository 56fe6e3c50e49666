import { describe, expect, it } from 'vitest';
import { type TokenChange, Tokens } from '../../client/src/core/tokens.ts';
import { Tokens as ServerTokens } from '../../src/kernel/consistency/token.ts';

const store = new ServerTokens('0f8fad5b-d9cb-469f-a165-70867728950e');
const restored = new ServerTokens('7d8a4a3e-50f5-4b57-8a14-6f0d7a1f6c11');

function newTokens() {
  const told: TokenChange[] = [];
  const tokens = new Tokens((change) => told.push(change));
  return { tokens, told };
}

describe('the newest token of a client', () => {
  it('is the one of the latest position, in whatever order answers arrive', () => {
    const { tokens, told } = newTokens();
    for (const position of [3, 70, 69, 5000, 12]) tokens.answered(store.encode(position));
    expect(tokens.newest).toBe(store.encode(5000));
    expect(told).toEqual([3, 70, 5000].map((position) => ({ saw: store.encode(position) })));
  });

  it('is replaced by one of another history only if the server answers with it', () => {
    const { tokens } = newTokens();
    tokens.answered(store.encode(70));
    tokens.heard(restored.encode(90));
    expect(tokens.newest).toBe(store.encode(70));
    tokens.answered(restored.encode(3));
    expect(tokens.newest).toBe(restored.encode(3));
  });

  it('stays if a late answer comes from a history that was left', () => {
    const { tokens } = newTokens();
    tokens.answered(store.encode(70));
    tokens.answered(restored.encode(3));
    tokens.answered(store.encode(71));
    tokens.heard(store.encode(72));
    expect(tokens.newest).toBe(restored.encode(3));
  });

  it('is forgotten if the server does not know it, unless a known one has taken its place', () => {
    const { tokens, told } = newTokens();
    tokens.answered(store.encode(70));
    const { reign } = tokens;
    tokens.outdated(store.encode(60), false);
    expect(tokens.newest).toBeUndefined();
    expect(tokens.reign).toBeGreaterThan(reign);
    expect(told.at(-1)).toEqual({ forgot: store.encode(60) });
    tokens.answered(store.encode(20));
    tokens.outdated(store.encode(60), false);
    expect(tokens.newest).toBe(store.encode(20));
  });
});
