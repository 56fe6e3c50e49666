import { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
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

it('goes on where one hangs or fails, also where it fails too late, and leaves each some of the time', async () => {
  const { logger: log, late } = logger();
  const ran: string[] = [];
  const began = Date.now();
  const left: number[] = [];
  await stopInOrder(
    [
      ['hangs', () => new Promise(() => {})],
      ['fails', () => Promise.reject(new Error('as it may'))],
      [
        'fails at once',
        () => {
          throw new Error('as it may');
        },
      ],
      ['fails later', () => delay(1000).then(() => Promise.reject(new Error('too late')))],
      [
        'runs',
        () => {
          ran.push('runs');
          left.push(began + 400 - Date.now());
        },
      ],
    ],
    { timeoutMs: 400, logger: log, status: () => ({}) },
  );
  expect(ran).toEqual(['runs']);
  expect(late()).toEqual(['hangs', 'fails later']);
  expect(left[0]).toBeGreaterThan(-400);
  await delay(1000);
});
