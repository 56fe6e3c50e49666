import { expect, it } from 'vitest';
import { Ending } from '../../../src/database/signal.ts';
import { TokenWaits } from '../../../src/graphql/live-queries/token-waits.ts';
import { Positions } from '../../../src/kernel/consistency/positions.ts';

it('a read model that stands still is waited for once, and again after it has moved', async () => {
  const positions = new Positions(['orders', 'products'], 10);
  const waits = new TokenWaits(positions, ['orders', 'products'], 1);
  const level = async () => {
    const done = waits.level(1, 'ada', new Ending());
    // Waits that need nothing more are over in a few microtasks.
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    const waiting = positions.waiting;
    await done;
    return waiting;
  };
  positions.advance('orders', 2);
  positions.advance('products', 1);
  expect(await level()).toBe(1);
  expect(await level()).toBe(0);
  positions.advance('orders', 4);
  positions.advance('products', 3);
  expect(await level()).toBe(1);
});
