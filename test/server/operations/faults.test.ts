import { pino } from 'pino';
import { expect, it } from 'vitest';
import { logFaults } from '../../../src/server/operations/faults.ts';

const away = (code = 'ECONNREFUSED') => Object.assign(new Error('connect'), { code });

function logged() {
  const lines: Record<string, unknown>[] = [];
  let now = 0;
  const { faultMet, updateDelayed, requestFailed } = logFaults(
    pino({ base: null, timestamp: false }, { write: (line) => lines.push(JSON.parse(line)) }),
    () => now,
  );
  const met = (error: unknown, context: Readonly<Record<string, unknown>>, at: number) => {
    now = at;
    faultMet({ error, context });
  };
  return {
    met,
    updateDelayed,
    requestFailed,
    lines: () => lines.map(({ part, projection, unsaid }) => ({ part, projection, unsaid })),
  };
}

it('a database that is away is said once for each part, and every 10 seconds how often it was met', () => {
  const { met, lines } = logged();
  for (let at = 0; at < 10_000; at += 25) met(away(), { part: 'projector' }, at);
  met(away(), { part: 'append', attempt: 1 }, 500);
  expect(lines()).toEqual([{ part: 'projector' }, { part: 'append' }]);
  met(away(), { part: 'projector' }, 10_000);
  expect(lines().at(-1)).toEqual({ part: 'projector', unsaid: 399 });
  met(away(), { part: 'projector' }, 20_000);
  expect(lines().at(-1)).toEqual({ part: 'projector' });
});

it('another projection or another reason is said at once', () => {
  const { met, lines } = logged();
  met(away(), { projection: 'orders' }, 0);
  met(away(), { projection: 'customers' }, 1);
  met(away('57P01'), { projection: 'orders' }, 2);
  expect(lines()).toHaveLength(3);
});

it('what is not the database’s fault is always said', () => {
  const { met, lines } = logged();
  for (let at = 0; at < 3; at++) met(new TypeError('a handler is wrong'), { projection: 'orders' }, at);
  expect(lines()).toHaveLength(3);
});

it('rows that subscribers watch are said once for each read model while the database is away', () => {
  const { updateDelayed, lines } = logged();
  for (let key = 0; key < 100; key++)
    updateDelayed({ error: away(), context: { projection: 'orders', key: String(key), position: key } });
  updateDelayed({ error: away(), context: { projection: 'products', key: '1', position: 1 } });
  expect(lines()).toEqual([{ projection: 'orders' }, { projection: 'products' }]);
});

it('each request that failed is said, also if the database was away', () => {
  const { requestFailed, lines } = logged();
  for (const correlationId of ['a', 'b']) requestFailed({ error: away(), correlationId });
  expect(lines()).toHaveLength(2);
});
