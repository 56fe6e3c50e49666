import { expect, inject, it } from 'vitest';
import shop from '../../../src/app.ts';
import { Fulfilment } from '../../../src/domains/fulfilment/index.ts';
import { createTestApp } from '../../../src/testing/create-test-app.ts';
import { connectTo, urlOfDatabase } from '../../../src/testing/postgres/databases.ts';
import { openShop, placeOrder } from '../../support/client/shop.ts';
import { clerkOf } from '../../support/tenants/tenants.ts';
import { until } from '../../support/until.ts';

const OTHERS = '{ products { totalCount } }';

it('a tenant whom nobody asks for stays open until its processes are done, and is opened when a deadline is due', async () => {
  const tenants = { mode: 'database', developerTenant: 'developer' } as const;
  await using app = await createTestApp(
    { ...shop, tenants },
    {
      env: { TEST_DATABASE_URL: inject('serverUrl'), TENANTS_OPEN: '1' },
    },
  );
  const clerk = app.as(clerkOf('acme'));
  const open = await openShop(clerk);
  const { aggregateId: id } = await placeOrder(clerk, open);
  // It takes the only place as soon as nothing is left to do for the order.
  await until(async () => (await app.as(clerkOf('globex')).query(OTHERS)).status === 200);

  const [row] = await app.sql<{ name: string }[]>`select current_database() as name`;
  const acme = connectTo(urlOfDatabase(inject('serverUrl'), `${row?.name}_acme`));
  try {
    const ended = await acme`select from es.events where stream_id = ${id} and type = 'OrderConfirmed'`;
    expect(ended).toHaveLength(1);

    const [process] = await acme<{ id: string }[]>`
      select stream_id as id from es.events where stream_type = ${Fulfilment.name} and version = 1`;
    // As if the time for it had come while nobody had the database open.
    await acme`insert into read.deadlines_v1 (process, id, name, at, last_position)
      select ${Fulfilment.name}, ${process?.id ?? ''}, 'payment', now() - interval '1 minute', max(position) from es.events`;
    await app.restart();
    // The process is told, and decides that it need not do anything any more.
    const isTold = (line: string) => line.includes('"tenant":"acme"') && line.includes('"command":"Fulfilment.reach"');
    await until(() => app.log.some(isTold));
  } finally {
    await acme.end();
  }
});
