import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Readiness } from '../../../../src/server/operations/health.ts';
import { registerCustomer } from '../../../support/client/shop.ts';
import { accessToken, customerToken, staffToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { holdUp } from '../../../support/postgres/blocker.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { type PostgresProxy, useProxy } from '../../../support/postgres/proxy.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const open = useProxy(database);
let between: PostgresProxy;
beforeEach(async () => {
  between = await open();
});
const app = useApp({
  per: 'test',
  // One test sets the clock of this machine back by an hour, and looks at other things than how far it is from Postgres'.
  env: { ...WITH_AUTH, CLOCK_SKEW_LIMIT_MS: '0' },
  database: {
    get url() {
      return between.url;
    },
    get sql() {
      return database.sql;
    },
  },
});

const ask = async (path: string) => {
  const response = await fetch(`${app.url}${path}`);
  return { status: response.status, body: (await response.json()) as Readiness };
};
const untilReady = (wanted: boolean) => until(async () => (await ask('/readyz')).status === (wanted ? 200 : 503));
const expectAlive = async () => expect(await ask('/livez')).toEqual({ status: 200, body: { status: 'alive' } });

describe('/readyz', () => {
  it('reports the position of every read model, and the queue of commands', async () => {
    await registerCustomer(app, {}, { token: await staffToken() });
    const body = await until(async () => {
      const answer = await ask('/readyz');
      return answer.body.projections?.every(({ lag }) => lag === 0) && answer;
    });
    expect(body).toEqual({
      status: 200,
      body: {
        status: 'ready',
        reasons: [],
        projections: expect.arrayContaining([
          { name: 'customers', state: 'RUNNING', lagState: 'NORMAL', lag: 0, lagMs: 0, stall: null },
        ]),
        appendQueue: { depth: 0, limit: 10_000, oldestWaitMs: 0, stall: null },
      },
    });
  });

  it('is 503 while the database cannot be reached, and 200 when it can again; the process is alive throughout', async () => {
    between.refuse(true);
    between.cut();
    await untilReady(false);
    const { body } = await ask('/readyz');
    expect(body.status).toBe('not ready');
    expect(body.reasons).toEqual([expect.stringMatching(/^The database (cannot be used|does not answer)/)]);
    await expectAlive();
    between.refuse(false);
    await untilReady(true);
  });

  it('stays correct after the clock of this machine was set back by an hour', async () => {
    const realNow = Date.now;
    await untilReady(true);
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => realNow() - 3_600_000);
    // Its timeouts go by the clock that was set, and the answers come as they did.
    const untilAnswered = async (status: number) => {
      for (let asked = 0; (await ask('/readyz')).status !== status; asked++) {
        if (asked > 2000) throw new Error(`/readyz did not come to answer ${status}.`);
        await delay(5);
      }
    };
    try {
      between.refuse(true);
      between.cut();
      await untilAnswered(503);
      between.refuse(false);
      await untilAnswered(200);
    } finally {
      clock.mockRestore();
    }
  });

  it('is 503 while the database says nothing; the process is alive while commands hang', async () => {
    const token = await staffToken();
    between.holdAnswers();
    const command = registerCustomer(app, {}, { token });
    command.catch(() => undefined);
    await untilReady(false);
    expect((await ask('/readyz')).body.reasons).toEqual(['The database does not answer within 1000 ms.']);
    await expectAlive();
    between.cut();
    between.passAnswers();
    await untilReady(true);
    expect(await command).toMatchObject({ __typename: 'CommandReceipt' });
  });

  it('is 503 if the database lacks migrations of this code, not if it has more', async () => {
    const { sql } = database;
    const [newest] = await sql`delete from drizzle.__drizzle_migrations
      where created_at = (select max(created_at) from drizzle.__drizzle_migrations) returning hash, created_at`;
    await untilReady(false);
    expect((await ask('/readyz')).body.reasons).toEqual([expect.stringMatching(/lacks migrations of this version/)]);
    await sql`insert into drizzle.__drizzle_migrations ${sql(newest as { hash: string })}`;
    await untilReady(true);
    await sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('later', 4102444800000)`;
    await until(async () => (await ask('/readyz')).status === 200);
  });

  it('is 503 while a read model is filled for the first time', async () => {
    const { sql } = database;
    await sql`update read.checkpoints set whole_at = position + 7 where projection = 'orders@3'`;
    await untilReady(false);
    expect((await ask('/readyz')).body.reasons).toEqual([
      expect.stringMatching(/^Read model orders \(version 3\) is being filled: \d+ events are left\.$/),
    ]);
    await sql`update read.checkpoints set whole_at = position where projection = 'orders@3'`;
    await untilReady(true);
  });

  it('is 200 if a read model only lags, since no other instance would be better off, and says why it does', async () => {
    const token = await staffToken();
    const { pid, release } = await holdUp(database, 'lock table read.customers_v2 in share mode');
    const { aggregateId } = await registerCustomer(app, {}, { token });
    const response = await until(async () => {
      const answer = await ask('/readyz');
      return answer.body.projections?.some(({ stall }) => stall !== null) && answer;
    });
    const { status, body } = response || {};
    expect(status).toBe(200);
    const customers = body?.projections?.find(({ name }) => name === 'customers');
    expect(customers).toMatchObject({
      state: 'RUNNING',
      lag: 1,
      stall: { waitingFor: 'RowExclusiveLock on read.customers_v2', position: 1, blockedBy: [pid] },
    });
    expect(customers?.lagState).not.toBe('NORMAL');
    // Anybody may ask.
    expect(JSON.stringify(body)).not.toMatch(new RegExp(`lock table|somebody else|${aggregateId}`));
    await release();
  });
});

const STALLS = `{
  projections { name stall { since waitingFor sentence event { position type aggregate aggregateId } blockers { pid application user state since query } } }
  appendQueue { depth limit oldestWaitMs stall { sentence } }
}`;
interface Stalls {
  readonly projections: readonly { readonly name: string; readonly stall: Record<string, unknown> | null }[];
  readonly appendQueue: object;
}

describe('why a read model stands still', () => {
  it('is told to staff, with the statement in the way only to an admin, and to nobody else', async () => {
    const staff = await staffToken();
    const statement = "lock table read.customers_v2 in share mode /* 'a secret' */";
    const { pid, release } = await holdUp(database, statement);
    const { aggregateId } = await registerCustomer(app, {}, { token: staff });
    const asked = async (token: string) => {
      const { data } = await app.query<Stalls>(STALLS, {}, { token });
      expect(data.appendQueue).toEqual({ depth: 0, limit: 10_000, oldestWaitMs: 0, stall: null });
      return data.projections.find(({ name }) => name === 'customers')?.stall;
    };
    const admin = await until(async () => asked(await accessToken('boss', ['admin'])));
    expect(admin).toMatchObject({
      waitingFor: 'RowExclusiveLock on read.customers_v2',
      event: { position: 1, type: 'CustomerRegistered', aggregate: 'Customer', aggregateId },
      blockers: [{ pid, application: 'somebody else', state: 'idle in transaction', query: statement }],
    });
    expect(await asked(staff)).toEqual({ ...admin, blockers: [expect.objectContaining({ pid, query: null })] });
    expect(await asked(await customerToken(randomUUID()))).toBeNull();
    const logged = await until(() => app.log.find((line) => line.includes('has made no progress')));
    expect(logged).toContain(`held by backend ${pid}`);
    expect(app.log.join()).not.toContain('a secret');
    await release();
  });
});
