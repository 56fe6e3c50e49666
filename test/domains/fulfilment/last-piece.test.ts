import { expect, it } from 'vitest';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { useGateway } from '../../support/server/gateway.ts';
import { until } from '../../support/until.ts';
import { EngineShop, shopDomains } from './shop.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, shopDomains);
const openGateway = useGateway(database);

const ORDERS = 300;

it('of hundreds who order the last piece at once one gets it, and nobody pays for nothing', async () => {
  const { adapters } = await openGateway();
  const engines = [await openEngine({ start: true, adapters }), await openEngine({ start: true, adapters })] as const;
  const shop = new EngineShop(database);
  await shop.open(engines[0]);
  const [last, plenty] = [await shop.product(engines[0], 1), await shop.product(engines[0], ORDERS)];
  await Promise.all(
    Array.from({ length: ORDERS }, (_, n) => shop.place(engines[n % 2 ? 1 : 0], { [plenty]: 1, [last]: 1 })),
  );
  await until(async () => {
    const { FAILED, CONFIRMED } = await shop.resting();
    return FAILED === ORDERS - 1 && CONFIRMED === 1;
  });
  expect(await shop.stockOf(last)).toMatchObject({
    stock: 1,
    reserved: 1,
    lowest: { stock: 0, reserved: 0, available: 0, reservation: 0 },
  });
  const others = await shop.stockOf(plenty);
  expect(others).toMatchObject({ stock: ORDERS, reserved: 1, lowest: { available: 0, reservation: 0 } });
  expect([...others.reservations.keys()]).toEqual([...(await shop.stockOf(last)).reservations.keys()]);
  expect(await shop.payments()).toEqual({ authorized: 1 });
});
