import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Observer } from '../../../src/observe/observer.ts';
import { Refusals } from '../../../src/server/limits/refusals.ts';
import { createLogger } from '../../../src/server/operations/logger.ts';
import type { ServerOccurrences } from '../../../src/server/operations/occurrences.ts';

describe('refusals', () => {
  let lines: Record<string, unknown>[];
  let counted: string[];
  let refusals: Refusals;
  beforeEach(() => {
    vi.useFakeTimers();
    lines = [];
    counted = [];
    const destination = new Writable({
      write: (chunk, _, done) => {
        lines.push(JSON.parse(String(chunk)));
        done();
      },
    });
    const logger = createLogger({ logLevel: 'debug', nodeEnv: 'production' }, destination);
    refusals = new Refusals(
      logger,
      new Observer<ServerOccurrences>([
        { callerRefused: ({ reason, transport }) => counted.push(`${reason} ${transport}`) },
      ]),
    );
  });
  afterEach(() => void vi.useRealTimers());

  it('leave a line with codes and ids, a warning if a limit is the reason', () => {
    refusals.refused({ reason: 'forbidden', transport: 'http', code: 'FORBIDDEN', address: '192.0.2.7', actor: 'ada' });
    refusals.refused({ reason: 'address_requests', transport: 'websocket', code: 'THROTTLED', status: 429 });
    expect(lines).toMatchObject([
      { level: 'info', msg: 'refused', reason: 'forbidden', code: 'FORBIDDEN', address: '192.0.2.7', actor: 'ada' },
      { level: 'warn', msg: 'refused', reason: 'address_requests', transport: 'websocket', status: 429 },
    ]);
  });

  it('are written five times a second for each reason, then as a number; all are counted', () => {
    for (let times = 0; times < 1000; times++) {
      refusals.refused({ reason: 'unauthenticated', transport: 'http' });
    }
    refusals.refused({ reason: 'forbidden', transport: 'http' });
    expect(lines).toHaveLength(6);
    expect(counted).toHaveLength(1001);
    vi.advanceTimersByTime(1000);
    expect(lines).toHaveLength(7);
    expect(lines[6]).toMatchObject({ reason: 'unauthenticated', unsaid: 995 });
    refusals.refused({ reason: 'unauthenticated', transport: 'http' });
    expect(lines).toHaveLength(8);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1000);
    expect([lines.length, vi.getTimerCount()]).toEqual([8, 0]);
  });

  it('that were only counted are said at the end', () => {
    for (let times = 0; times < 7; times++) refusals.refused({ reason: 'forbidden', transport: 'http' });
    refusals.stop();
    expect(lines.at(-1)).toMatchObject({ reason: 'forbidden', unsaid: 2 });
    expect(vi.getTimerCount()).toBe(0);
  });
});
