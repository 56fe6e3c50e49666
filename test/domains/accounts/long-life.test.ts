import { expect, it } from 'vitest';
import { Account, accountsDomain, deposit, openAccount, withdraw } from '../../../src/domains/accounts/index.ts';
import { anAppend, receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { gbp } from '../fixtures.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [accountsDomain]);

/** An account into which a pound was paid so many times: the last hundred by commands, those before straight into the log. */
async function accountWith(entries: number): Promise<string> {
  const { bus, log, close } = await openEngine();
  const streamId = receiptOf(await bus.execute(openAccount, { owner: 'Ada', currency: 'GBP' }, system)).aggregateId;
  let balance = 0;
  while (entries - balance > 100) {
    const events = Array.from({ length: Math.min(1000, entries - balance - 100) }, (_, nth) => ({
      type: 'MoneyDeposited',
      schemaVersion: 1,
      data: { amount: gbp(1), balance: balance + nth + 1 },
    }));
    const append = anAppend({ streamType: 'Account', streamId, expectedVersion: balance + 1, events });
    expect(await log.append([append])).toMatchObject([{ outcome: 'accepted' }]);
    balance += events.length;
  }
  // Another server, which does not have it in memory.
  await close();
  const { bus: later, drain } = await openEngine();
  const pay = () => later.execute(deposit, { accountId: streamId, amount: gbp(1) }, system);
  for (const outcome of await Promise.all(Array.from({ length: entries - balance }, pay))) receiptOf(outcome);
  await drain();
  return streamId;
}

/** The events that a server reads to decide on an account after its start. */
async function loaded({ log }: TestEngine, accountId: string) {
  const { events, snapshot } = Account;
  const { stateVersion } = snapshot;
  const [tail] = await log.load([
    { streamType: 'Account', streamId: accountId, afterVersion: 0, stateVersion, events },
  ]);
  if (!tail || tail instanceof Error) throw new Error('The account cannot be loaded.', { cause: tail });
  return { events: tail.events.length, bytes: JSON.stringify(tail.snapshot ?? null).length };
}

it('an account with 100,000 entries is loaded from as little as one with few', async () => {
  const [short, long] = [await accountWith(10), await accountWith(100_000)];
  const engine = await openEngine();
  expect(await loaded(engine, short)).toMatchObject({ events: 11 });
  const many = await loaded(engine, long);
  expect(many.events).toBeLessThan(Account.snapshot.every);
  expect(Account.snapshot.every).toBeLessThanOrEqual(100);
  // Beside the balance there is nothing that grows.
  expect(many.bytes).toBeLessThan(300);
  const { version } = receiptOf(await engine.bus.execute(withdraw, { accountId: long, amount: gbp(100_000) }, system));
  expect(version).toBe(100_002);
  const more = await engine.bus.execute(withdraw, { accountId: long, amount: gbp(1) }, system);
  expect(more).toMatchObject({ kind: 'rejected', code: 'INSUFFICIENT_FUNDS' });
});
