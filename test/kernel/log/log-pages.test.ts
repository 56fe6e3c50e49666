import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { LogReader } from '../../../src/kernel/log/log-reader.ts';
import { anAppend, incremented } from '../../support/kernel/appends.ts';
import { counterDomain } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }]);

it('a page of the log is bounded in bytes, whether Postgres has compressed the events or not', async () => {
  const engine = await openEngine();
  const noise = () => Array.from({ length: 400 }, () => randomUUID()).join('');
  const sizes = ['small', 'squeezed', 'noisy'] as const;
  const data = { small: () => 'x', squeezed: () => 'x'.repeat(15_000), noisy: noise };
  const kinds = Array.from({ length: 300 }, (_, nth) => sizes[Math.floor(nth / 100)] as (typeof sizes)[number]);
  const stored = await engine.log.append(kinds.map((kind) => anAppend({ events: [incremented(data[kind]())] })));
  expect(stored.every(({ outcome }) => outcome === 'accepted')).toBe(true);
  const log = new LogReader(engine.database.writer.db, engine.registry.events, { pageBytes: 100_000 });
  const unread = { wanted: () => false };
  const pages: number[][] = [];
  for (let after = 0; ; ) {
    const events = await log.read(after, 1000, unread);
    if (events.length === 0) break;
    pages.push(events.map(({ position }) => position));
    after = events.at(-1)?.position ?? after;
    const bytes = events.reduce((sum, { data }) => sum + JSON.stringify(data).length, 0);
    expect(bytes).toBeLessThan(100_000 + 16_000);
  }
  expect(pages.flat()).toEqual(kinds.map((_, nth) => nth + 1));
  expect(pages[0]?.length).toBeGreaterThan(100);
  expect(await log.read(0, 7, unread)).toHaveLength(7);
});

it('an event that is larger than a page is read alone', async () => {
  const engine = await openEngine();
  const large = () => anAppend({ events: [incremented('x'.repeat(10_000))] });
  await engine.log.append([large(), large(), large()]);
  const log = new LogReader(engine.database.writer.db, engine.registry.events, { pageBytes: 1 });
  for (const position of [1, 2, 3]) {
    const events = await log.read(position - 1, 100, { wanted: () => false });
    expect(events.map((event) => event.position)).toEqual([position]);
  }
});
