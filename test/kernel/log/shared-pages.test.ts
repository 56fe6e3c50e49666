import { beforeEach, expect, it } from 'vitest';
import { LogPages } from '../../../src/kernel/log/log-pages.ts';
import { SharedPages } from '../../../src/kernel/log/shared-pages.ts';
import { anAppend } from '../../support/kernel/appends.ts';
import { counterDomain } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }]);
let engine: TestEngine;
let reads: number;
let shared: SharedPages;

beforeEach(async () => {
  engine = await openEngine();
  await engine.log.append(Array.from({ length: 5 }, () => anAppend()));
  reads = 0;
  const pages = new LogPages(engine.database.writer.db);
  shared = new SharedPages({
    after: (...page) => {
      reads++;
      return pages.after(...page);
    },
  });
});

const positions = async (after: number, consumer: string) =>
  (await shared.after(after, 2, consumer)).rows.map(({ position }) => position);

it('consumers that are near each other read a page once', async () => {
  for (const after of [0, 2]) {
    const page = [after + 1, after + 2];
    expect(await Promise.all([positions(after, 'orders'), positions(after, 'customers')])).toEqual([page, page]);
  }
  expect(reads).toBe(2);
});

it('a page that ends at the end of the log is read again, because there may be more events', async () => {
  expect(await positions(4, 'orders')).toEqual([5]);
  await engine.log.append([anAppend()]);
  expect(await positions(4, 'customers')).toEqual([5, 6]);
});

it('a page is read again if the log may have another history', async () => {
  await Promise.all([positions(0, 'orders'), positions(0, 'customers')]);
  shared.forget();
  await positions(0, 'orders');
  expect(reads).toBe(2);
});

it('pages are not kept for a consumer that is alone', async () => {
  await positions(0, 'orders');
  await positions(0, 'orders');
  expect(reads).toBe(2);
});
