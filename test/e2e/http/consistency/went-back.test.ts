import { expect, it } from 'vitest';
import { accepted, openShop } from '../../../support/client/shop.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const app = useApp();

it('a read model that goes back while a query reads from it, as after a crash of Postgres, is waited for and read again', async () => {
  const { customerId } = await openShop(app);
  const { token } = await accepted(app, 'renameCustomer', { customerId, name: 'Countess' });
  const position = app.engine.tokens.decode(token);
  await app.engine.projector.positions.reached('customers', position);

  const crash = await app.database.sql.reserve();
  await crash`begin`;
  await crash`lock table read.customers_v2 in access exclusive mode`;
  await crash`update read.customers_v2 set name = 'Ada', version = version - 1, last_position = 0 where id = ${customerId}`;
  await crash`update read.checkpoints set position = ${position - 1} where projection = 'customers@2'`;
  const query = 'query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { customer(id: $id) { name } }';
  const answer = app.query(query, { id: customerId, token });
  await until(async () => {
    const waiting = await app.database.sql`
      select from pg_stat_activity where datname = current_database() and application_name = 'afterwrite reader'
        and wait_event_type = 'Lock'`;
    return waiting.length > 0;
  });
  app.engine.projector.invalidate();
  await crash`commit`;
  crash.release();

  expect(await answer).toMatchObject({ data: { customer: { name: 'Countess' } }, consistency: { stale: false } });
});
