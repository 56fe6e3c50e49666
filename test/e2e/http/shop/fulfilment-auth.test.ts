import { expect, it } from 'vitest';
import { readFulfilment } from '../../../support/client/fulfilment.ts';
import { openShop, placeOrder, registerCustomer } from '../../../support/client/shop.ts';
import { customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { useApp } from '../../../support/server/app.ts';

const app = useApp({ env: { ...WITH_AUTH, AUTH_ISSUER: '' } });

it('a customer sees how their own order goes on, and nobody else’s', async () => {
  const staff = await staffToken();
  const shop = await openShop(app, { token: staff });
  const { aggregateId: bobId } = await registerCustomer(app, { email: 'bob@example.org' }, { token: staff });
  const [ada, bob] = await Promise.all([customerToken(shop.customerId), customerToken(bobId)]);
  const { aggregateId: orderId, token: after } = await placeOrder(app, shop, {}, { token: ada });
  const read = async (token: string) =>
    (await readFulfilment(app, orderId, { authorization: `Bearer ${token}`, 'read-after': after })).data.fulfilment;
  expect((await read(ada))?.steps[0]?.name).toBe('ORDER_PLACED');
  expect((await read(staff))?.steps[0]?.name).toBe('ORDER_PLACED');
  expect(await read(bob)).toBeNull();
});
