import { describe, expect, it, onTestFinished } from 'vitest';
import { caughtUp } from '../../support/client/caught-up.ts';
import { expectRequestError } from '../../support/client/refusals.ts';
import { accepted, registerCustomer } from '../../support/client/shop.ts';
import { useTransports } from '../../support/client/transports.ts';
import { useReplicatedDatabase } from '../../support/postgres/replica.ts';
import { useApp } from '../../support/server/app.ts';
import { lacks } from '../../support/server/environment.ts';
import { until } from '../../support/until.ts';

const NAME = `query ($id: ID!, $token: ConsistencyToken!, $timeoutMs: Int)
  @readAfter(token: $token, timeoutMs: $timeoutMs) { customer(id: $id) { name } }`;

describe.skipIf(lacks('pg_basebackup'))('a replica that goes away', () => {
  const database = useReplicatedDatabase();
  const app = useApp({ database, env: () => ({ READ_DATABASE_URL: database.readUrl }) });
  const open = useTransports(app);
  const { replica } = database;
  const kill = async () => {
    await replica.kill();
    let isBack = false;
    const back = async () => {
      if (!isBack) await replica.start();
      isBack = true;
    };
    onTestFinished(back);
    return back;
  };
  const rename = (customerId: string, name: string) => accepted(app, 'renameCustomer', { customerId, name });

  it('makes reads with a token wait, commands go on, and is taken up again when it comes back', async () => {
    const { aggregateId: id, token } = await registerCustomer(app);
    await app.query(NAME, { id, token });
    const back = await kill();
    await until(() => app.engine.readSide.positions.of('customers') === 0);
    const renamed = await rename(id, 'Countess');
    await caughtUp(app, renamed.token);
    expectRequestError(await app.query(NAME, { id, token: renamed.token, timeoutMs: 50 }), 'CONSISTENCY_TIMEOUT');
    const waiting = app.query(NAME, { id, token: renamed.token, timeoutMs: 10_000 });
    await until(() => app.engine.readSide.positions.waiting > 0);
    await back();
    expect(await waiting).toMatchObject({ data: { customer: { name: 'Countess' } }, consistency: { stale: false } });
    expect(app.log.filter((line) => line.includes('"part":"replica"')).length).toBeGreaterThan(0);
  });

  it('keeps subscriptions open, which end with the last state', async () => {
    const { aggregateId: id, token } = await registerCustomer(app);
    await app.query(NAME, { id, token });
    interface Moved {
      readonly projectionUpdated: { readonly token: string };
    }
    const feed = open('WebSocket').subscribe<Moved>(
      'subscription { projectionUpdated(projections: ["customers"]) { token } }',
    );
    await until(() => app.engine.readSide.hub.size > 0);
    const back = await kill();
    const renamed = await rename(id, 'Countess');
    await back();
    const position = app.engine.tokens.decode(renamed.token);
    await feed.dataWhere(({ projectionUpdated }) => app.engine.tokens.decode(projectionUpdated.token) >= position);
    expect((await app.query(NAME, { id, token: renamed.token, timeoutMs: 0 })).data).toEqual({
      customer: { name: 'Countess' },
    });
  });

  it('keeps every promise while it is killed again and again', async () => {
    const { aggregateId: id } = await registerCustomer(app);
    let isOver = false;
    const killing = (async () => {
      for (let n = 0; n < 3; n++) {
        await replica.kill();
        await replica.start();
        await until(() => app.engine.readSide.positions.of('customers') > 0);
      }
    })().finally(() => {
      isOver = true;
    });
    let read = 0;
    for (let n = 0; !isOver; n++) {
      const { token } = await rename(id, `Ada ${n}`);
      const answer = await app.query(NAME, { id, token, timeoutMs: 500 });
      // It may be that there is nothing to read from; then there is an error, and not an older row.
      if (answer.errors) continue;
      expect(answer.data).toEqual({ customer: { name: `Ada ${n}` } });
      read++;
    }
    await killing;
    expect(read).toBeGreaterThan(0);
  });

  it('may be promoted, and shows the data that it has', async () => {
    const { aggregateId: id, token } = await registerCustomer(app);
    expect((await app.query(NAME, { id, token })).data).toEqual({ customer: { name: 'Ada' } });
    await replica.ask('select pg_promote()');
    expect((await app.query(NAME, { id, token, timeoutMs: 5000 })).data).toEqual({ customer: { name: 'Ada' } });
    // From here on it is a server of its own, which gets nothing of what is written.
    const renamed = await rename(id, 'Countess');
    expectRequestError(await app.query(NAME, { id, token: renamed.token, timeoutMs: 300 }), 'CONSISTENCY_TIMEOUT');
    await replica.ask(`update es.store set epoch = gen_random_uuid()`);
    await until(() => app.log.some((line) => line.includes('REPLICA_FOREIGN')));
    expect(app.engine.readSide.positions.of('customers')).toBe(0);
  });
});
