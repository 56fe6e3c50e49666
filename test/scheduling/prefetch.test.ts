import { expect, it, vi } from 'vitest';
import { Prefetch } from '../../src/scheduling/prefetch.ts';

it('begins at once, and gives what it has prepared to one who asks for it', async () => {
  const prefetch = new Prefetch<string>();
  const prepare = vi.fn(async () => 'page');
  prefetch.begin('after 10', prepare);
  expect(prepare).toHaveBeenCalledTimes(1);
  expect(await prefetch.take('after 10')).toBe('page');
  expect(await prefetch.take('after 10')).toBeUndefined();
});

it('drops what is not the next thing any more', async () => {
  const prefetch = new Prefetch<string>();
  prefetch.begin('after 10', async () => 'page');
  expect(await prefetch.take('after 5')).toBeUndefined();
  expect(await prefetch.take('after 10')).toBeUndefined();
  prefetch.begin('after 10', async () => 'page');
  prefetch.begin('after 20', async () => 'next page');
  expect(await prefetch.take('after 20')).toBe('next page');
  prefetch.begin('after 30', async () => 'page');
  prefetch.forget();
  expect(await prefetch.take('after 30')).toBeUndefined();
});

it('has nothing if preparing failed, and the failure is reported to nobody', async () => {
  const prefetch = new Prefetch<string>();
  prefetch.begin('after 10', async () => {
    throw new Error('The database is away.');
  });
  await new Promise(setImmediate);
  expect(await prefetch.take('after 10')).toBeUndefined();
});
