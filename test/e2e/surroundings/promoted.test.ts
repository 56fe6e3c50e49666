import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Readiness } from '../../../src/server/operations/health.ts';
import { runCli } from '../../cli/support.ts';
import { caughtUp } from '../../support/client/caught-up.ts';
import { expectRequestError } from '../../support/client/refusals.ts';
import { accepted, registerCustomer } from '../../support/client/shop.ts';
import { connect } from '../../support/postgres/database.ts';
import { useName } from '../../support/postgres/name.ts';
import { useReplicatedDatabase } from '../../support/postgres/replica.ts';
import { useApp } from '../../support/server/app.ts';
import { lacks } from '../../support/server/environment.ts';
import { until } from '../../support/until.ts';

const SOON = { deadline: 45_000 };

describe.skipIf(lacks('pg_basebackup'))(
  'a standby without the last events that is promoted while the server runs on',
  () => {
    const database = useReplicatedDatabase();
    const { replica } = database;
    const name = useName(() => database.url);
    const app = useApp({
      per: 'test',
      fulfils: false,
      database: {
        get url() {
          return name.url;
        },
        get sql() {
          return database.sql;
        },
      },
    });
    const readiness = async () => {
      const response = await fetch(`${app.url}/readyz`);
      return { status: response.status, reasons: ((await response.json()) as Readiness).reasons };
    };
    const NAME = `query ($id: ID!) { customer(id: $id) { name } }`;
    const NAME_AFTER = `query ($id: ID!, $token: ConsistencyToken!) @readAfter(token: $token) { customer(id: $id) { name } }`;

    it('is noticed without a busy loop; /readyz and commands say why, queries go on, and restore-epoch is the way out', async () => {
      const { aggregateId: customerId, token: kept } = await registerCustomer(app);
      await caughtUp(app, kept);
      await until(async () => {
        const [row] = await replica.ask<{ position: number }>(`select max(position) as position from es.events`);
        return Number(row?.position) === 1;
      });
      await replica.ask(`alter system set primary_conninfo = ''`);
      await replica.ask('select pg_reload_conf()');
      await until(async () => {
        const [row] = await replica.ask<{ n: number }>(`select count(*)::int as n from pg_stat_wal_receiver`);
        return row?.n === 0;
      });
      let lost = '';
      for (const name of ['B', 'C', 'D', 'E']) {
        ({ token: lost } = await accepted(app, 'renameCustomer', { customerId, name }));
      }
      await caughtUp(app, lost);

      await database.primary.stop('immediate');
      await replica.ask('select pg_promote()');
      name.leadTo(database.readUrl);

      await until(async () => (await readiness()).reasons.some((reason) => reason.includes('lost')), SOON);
      expect(await readiness()).toEqual({
        status: 503,
        reasons: [expect.stringMatching(/^The log has lost events 2 to 5, .* restore-epoch/)],
      });
      const refused = await app.tryCommand('renameCustomer', { customerId, name: 'F' });
      expectRequestError(refused, 'THROTTLED');
      expect(refused.errors?.[0]?.message).toContain('The log has lost events 2 to 5');
      // The rows match the log.
      await until(
        async () =>
          (await app.query<{ customer: { name: string } }>(NAME, { id: customerId })).data?.customer.name === 'Ada',
      );
      expectRequestError(await app.query(NAME_AFTER, { id: customerId, token: lost }), 'TOKEN_AHEAD');

      const sql = connect(database.readUrl);
      const look = async () => {
        const [row] = await sql`
        select (xact_commit + xact_rollback)::int as n, extract(epoch from clock_timestamp())::float8 as at
        from pg_stat_database where datname = current_database()`;
        return row as { n: number; at: number };
      };
      const before = await look();
      let after = before;
      while (after.at - before.at < 8) {
        await delay(100);
        after = await look();
      }
      await sql.end({ timeout: 1 });
      // 2,500 a second were seen once. An idle server asks a few times a second, this test ten.
      expect((after.n - before.n) / (after.at - before.at)).toBeLessThan(60);
      expect(app.log.filter((line) => line.includes('The log has lost events')).length).toBeLessThan(5);

      await app.stop();
      const restored = await runCli(database.readUrl, ['restore-epoch', '--yes']);
      expect(restored).toMatchObject({ code: 0, stdout: expect.stringContaining('The epoch is now') });
      await app.start();
      expect((await readiness()).reasons).toEqual([]);
      expect((await accepted(app, 'renameCustomer', { customerId, name: 'Countess' })).version).toBe(2);
      expectRequestError(await app.query(NAME_AFTER, { id: customerId, token: lost }), 'FOREIGN_TOKEN');
    });
  },
);
