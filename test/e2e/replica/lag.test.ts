import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { caughtUp } from '../../support/client/caught-up.ts';
import { expectRequestError } from '../../support/client/refusals.ts';
import { accepted, registerCustomer } from '../../support/client/shop.ts';
import { useReplicatedDatabase } from '../../support/postgres/replica.ts';
import { useApp } from '../../support/server/app.ts';
import { lacks } from '../../support/server/environment.ts';
import { until } from '../../support/until.ts';

const NAME = `query ($id: ID!, $token: ConsistencyToken!, $timeoutMs: Int, $onTimeout: OnTimeout)
  @readAfter(token: $token, timeoutMs: $timeoutMs, onTimeout: $onTimeout) { customer(id: $id) { name } }`;

describe.skipIf(lacks('pg_basebackup'))('a replica that lags', () => {
  const database = useReplicatedDatabase();
  const app = useApp({ database, env: () => ({ READ_DATABASE_URL: database.readUrl }) });
  const { replica } = database;
  const rename = (customerId: string, name: string, query?: string) =>
    accepted(app, 'renameCustomer', { customerId, name }, query ? { query } : {});

  describe('and shows none of the new data', () => {
    let id: string;
    /** The token of an event that the replica does not show. */
    let token: string;

    beforeEach(async () => {
      const customer = await registerCustomer(app);
      id = customer.aggregateId;
      expect((await app.query(NAME, { id, token: customer.token })).errors).toBeUndefined();
      await replica.pause();
      ({ token } = await rename(id, 'Countess'));
      await caughtUp(app, token);
    });
    afterEach(() => replica.resume());

    it('makes a read with a token wait, and answers it as soon as replay continues', async () => {
      const answer = app.query(NAME, { id, token, timeoutMs: 10_000 });
      await until(() => app.engine.readSide.positions.waiting > 0);
      await replica.resume();
      expect(await answer).toMatchObject({ data: { customer: { name: 'Countess' } }, consistency: { stale: false } });
    });

    it('makes it time out, and reports the positions of the replica and the primary', async () => {
      const answer = await app.query(NAME, { id, token, timeoutMs: 100 });
      expectRequestError(answer, 'CONSISTENCY_TIMEOUT');
      const required = app.engine.tokens.decode(token);
      const [shown] = await replica.ask<{ position: number }>(
        `select position from read.checkpoints where projection = 'customers@2'`,
      );
      expect(answer.errors?.[0]?.extensions).toEqual({
        code: 'CONSISTENCY_TIMEOUT',
        projection: 'customers',
        required,
        current: shown?.position,
        state: 'RUNNING',
        projected: required,
      });
      expect(shown?.position).toBeLessThan(required);
      expect(answer.errors?.[0]?.message).toContain(
        `is at position ${shown?.position} on the read replica, at ${required} on the primary,`,
      );
    });

    it('shows its data to a read that may be stale, and says so', async () => {
      const answer = await app.query(NAME, { id, token, timeoutMs: 50, onTimeout: 'STALE' });
      expect(answer).toMatchObject({ data: { customer: { name: 'Ada' } }, consistency: { stale: true } });
      expect(app.engine.tokens.decode(answer.consistency.token)).toBeLessThan(app.engine.tokens.decode(token));
    });

    it('shows what it has to a read without a token, whose own token is of that place', async () => {
      const answer = await app.query('query ($id: ID!) { customer(id: $id) { name } }', { id });
      expect(answer).toMatchObject({ data: { customer: { name: 'Ada' } }, consistency: { stale: false } });
      const again = await app.query(NAME, { id, token: answer.consistency.token, timeoutMs: 0 });
      expect(again.data).toEqual({ customer: { name: 'Ada' } });
    });

    it('holds up no command, and a receipt arrives whose read was too late', async () => {
      const receipt = await app.tryCommand(
        'renameCustomer',
        { customerId: id, name: 'Lady' },
        { query: `customer(id: "${id}") { name }` },
      );
      expect(receipt.data?.renameCustomer).toMatchObject({ __typename: 'CommandReceipt', query: { customer: null } });
      expect(receipt.code).toBe('CONSISTENCY_TIMEOUT');
      const answer = app.query(NAME, { id, token: receipt.data?.renameCustomer?.token, timeoutMs: 10_000 });
      await replica.resume();
      expect((await answer).data).toEqual({ customer: { name: 'Lady' } });
    });

    it('reports the projector, which is not affected', async () => {
      const { data } = await app.query<{ projections: { name: string; position: number; state: string }[] }>(
        '{ projections { name position state } }',
      );
      const position = app.engine.tokens.decode(token);
      expect(data.projections).toContainEqual({ name: 'customers', position, state: 'RUNNING' });
    });
  });

  describe('by the same time always', () => {
    beforeEach(() => replica.delay(150));
    afterEach(() => replica.delay(0));

    it('shows each of many clients its own writes, and never goes back', async () => {
      const clients = Array.from({ length: 10 }, async (_, client) => {
        const { aggregateId: id } = await registerCustomer(app, { name: 'Ada' });
        let last = 0;
        for (let n = 0; n < 4; n++) {
          const { token } = await rename(id, `${client}.${n}`);
          const answer = await app.query(NAME, { id, token, timeoutMs: 10_000 });
          expect(answer.data).toEqual({ customer: { name: `${client}.${n}` } });
          const position = app.engine.tokens.decode(answer.consistency.token);
          expect(position).toBeGreaterThanOrEqual(Math.max(last, app.engine.tokens.decode(token)));
          last = position;
        }
      });
      await Promise.all(clients);
      expect(app.engine.readSide.positions.waiting).toBe(0);
    });

    it('answers a read in the same request when it gets there', async () => {
      const { aggregateId: id } = await registerCustomer(app);
      const receipt = await rename(id, 'Countess', `customer(id: "${id}") { name }`);
      expect(receipt.query).toEqual({ customer: { name: 'Countess' } });
    });
  });
});
