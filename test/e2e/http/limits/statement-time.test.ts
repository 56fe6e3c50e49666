import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { customerToken, WITH_AUTH } from '../../../support/client/tokens.ts';
import { stall } from '../../../support/postgres/stall.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const READ = '{ projections { name } }';

describe('an actor whose statements take Postgres long', () => {
  const app = useApp({ env: { ...WITH_AUTH, OPERATIONS_PER_ACTOR: '30' }, fulfils: false, per: 'test' });

  it('pays for their time with what they may do next, and nobody else does', async () => {
    const token = await customerToken(randomUUID());
    await app.query(READ, {}, { token });
    const release = await stall(app.database, 'notes', 'writes and reads');
    const slow = app.query('{ notes(first: 1) { nodes { id } } }', {}, { token });
    await until(async () => {
      const held = await app.database.sql`select from pg_stat_activity where datname = current_database()
        and wait_event_type = 'Lock' and clock_timestamp() - query_start > interval '500 ms'`;
      return held.length > 0;
    });
    await release();
    expect((await slow).status).toBe(200);
    expect(await app.query(READ, {}, { token })).toMatchObject({ status: 429, code: 'THROTTLED' });
    expect((await app.query(READ, {}, { token: await customerToken(randomUUID()) })).status).toBe(200);
  });
});

describe('an actor whose operation times out', () => {
  const env = { ...WITH_AUTH, OPERATIONS_PER_ACTOR: '60', OPERATION_TIMEOUT_MS: '1000' };
  const app = useApp({ env, fulfils: false, per: 'test' });

  it('pays for the statement that was cancelled then', async () => {
    const token = await customerToken(randomUUID());
    await stall(app.database, 'notes', 'writes and reads');
    expect((await app.query('{ notes(first: 1) { nodes { id } } }', {}, { token })).code).toBe('TIMEOUT');
    // Postgres answers the cancelled statement a moment later. These reads alone cost too little to be refused.
    const codes = [];
    for (let nth = 0; nth < 20; nth++) codes.push((await app.query(READ, {}, { token })).code);
    expect(codes.at(-1)).toBe('THROTTLED');
  });
});
