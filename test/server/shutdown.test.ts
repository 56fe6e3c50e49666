import { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createLogger } from '../../src/server/operations/logger.ts';
import { stopInOrder } from '../../src/server/shutdown.ts';
import { readConfig } from '../../src/settings/config.ts';

function logger() {
  const entries: { readonly msg: string; readonly step?: string }[] = [];
  const destination = new Writable({
    write: (chunk, _, done) => {
      entries.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const made = createLogger(readConfig({}), destination);
  return {
    logger: made,
    late: () => entries.filter(({ msg }) => msg === 'did not end in time').map(({ step }) => step),
  };
}

it('runs the steps in order, each after the one before', async () => {
  const { logger: log, late } = logger();
  const ran: string[] = [];
  const step = (name: string) =>
    [
      name,
      async () => {
        await delay(5);
        ran.push(name);
      },
    ] as const;
  await stopInOrder([step('a'), step('b'), step('c')], { timeoutMs: 60_000, logger: log, status: () => ({}) });
  expect(ran).toEqual(['a', 'b', 'c']);
  expect(late()).toEqual([]);
});

it('goes on if one hangs or fails, also if it fails too late, and leaves each some of the time', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { logger: log, late } = logger();
  const began = performance.now();
  const ranAt: number[] = [];
  const stopped = stopInOrder(
    [
      ['hangs', () => new Promise(() => {})],
      ['fails', () => Promise.reject(new Error('as it may'))],
      [
        'fails at once',
        () => {
          throw new Error('as it may');
        },
      ],
      ['fails later', () => new Promise((_, reject) => setTimeout(() => reject(new Error('too late')), 1000))],
      ['runs', () => void ranAt.push(performance.now() - began)],
    ],
    { timeoutMs: 400, logger: log, status: () => ({}) },
  );
  await vi.advanceTimersByTimeAsync(2000);
  await stopped;
  expect(late()).toEqual(['hangs', 'fails later']);
  // A twentieth of the time is kept for the last one.
  expect(ranAt).toEqual([380]);
});
