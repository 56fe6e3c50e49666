import { describe, expect, it } from 'vitest';
import { Ending } from '../../../src/database/signal.ts';
import { SharedWork } from '../../../src/graphql/read/by-key/shared-work.ts';

describe('a statement that several operations wait for', () => {
  it('is cancelled when the last of them has ended, and not before', () => {
    const [first, last] = [new Ending(), new Ending()];
    const { signal } = new SharedWork([{ signal: first }, { signal: last }]);
    first.abort();
    expect(signal?.aborted).toBe(false);
    last.abort();
    expect(signal?.aborted).toBe(true);
  });

  it('is cancelled at once if all of them had ended before', () => {
    const ended = new Ending();
    ended.abort();
    expect(new SharedWork([{ signal: ended }]).signal?.aborted).toBe(true);
  });

  it('is never cancelled if one of them cannot be', () => {
    const ended = new Ending();
    ended.abort();
    expect(new SharedWork([{ signal: ended }, undefined]).signal).toBeUndefined();
    expect(new SharedWork([{ signal: undefined }, { signal: ended }]).signal).toBeUndefined();
  });
});
