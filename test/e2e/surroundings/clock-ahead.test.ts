import { expect, it } from 'vitest';
import { deposit } from '../../../src/domains/accounts/index.ts';
import { domains } from '../../../src/domains/index.ts';
import type { Readiness } from '../../../src/server/operations/health.ts';
import { runCli } from '../../cli/support.ts';
import { expectRequestError } from '../../support/client/refusals.ts';
import { accepted } from '../../support/client/shop.ts';
import { system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { useApp } from '../../support/server/app.ts';
import { until } from '../../support/until.ts';

const database = useDatabase();
const app = useApp({ per: 'test', fulfils: false, database });
/** A server that does not compare clocks. */
const openUnwary = useEngine(database, domains);

const setPostgres = (by: string) =>
  database.sql.unsafe(
    `create or replace function es.now() returns timestamptz language sql volatile as $$ select clock_timestamp() + interval '${by}' $$`,
  );
const readiness = async () => {
  const response = await fetch(`${app.url}/readyz`);
  return { status: response.status, reasons: ((await response.json()) as Readiness).reasons };
};
const pounds = (amount: number) => ({ amount, currency: 'GBP' });

it('an event that Postgres has recorded 40 days ahead is named, and when an operator has accepted it times are right again', async () => {
  const { aggregateId: accountId } = await accepted(app, 'openAccount', { owner: 'Ada', currency: 'GBP' });
  await accepted(app, 'deposit', { accountId, amount: pounds(100) });
  const balance = async (at: Date, token: string) => {
    const query = `query ($id: ID!, $at: DateTime!, $token: ConsistencyToken!) @readAfter(token: $token) {
      account(id: $id) { id } balanceAt(accountId: $id, at: $at) { amount }
    }`;
    const answer = await app.query<{ balanceAt: { amount: number } }>(query, {
      id: accountId,
      at: at.toISOString(),
      token,
    });
    expect(answer.errors, answer.text).toBeUndefined();
    return answer.data.balanceAt.amount;
  };

  await setPostgres('40 days');
  const unwary = await openUnwary();
  await unwary.bus.execute(deposit, { accountId, amount: pounds(7) }, system);
  await unwary.close();
  await setPostgres('0');

  await until(async () => (await readiness()).reasons.some((reason) => reason.includes('in the future')));
  expect(await readiness()).toEqual({
    status: 503,
    reasons: [expect.stringMatching(/^Event 3 is recorded 34\d{5} s in the future: .* clock accept/)],
  });
  expect(app.log.some((line) => line.includes('Event 3 is recorded'))).toBe(true);
  expectRequestError(await app.tryCommand('deposit', { accountId, amount: pounds(5) }), 'THROTTLED');
  const found = await runCli(database.url, ['doctor']);
  expect(found.stdout).toMatch(
    /^problem +time of the log: the last event was recorded 34\d{5} s in the future\n.*clock accept/m,
  );

  expect(await runCli(database.url, ['clock', 'accept', '--yes'])).toMatchObject({ code: 0 });
  await until(async () => (await readiness()).status === 200);
  const later = await accepted(app, 'deposit', { accountId, amount: pounds(5) });
  const [recorded] = await database.sql`
    select abs(extract(epoch from recorded_at - clock_timestamp()))::float8 as off from es.events where position = 4`;
  expect(recorded?.off).toBeLessThan(60);
  expect(await balance(new Date(), later.token)).toBe(112);

  const rebuilt = await runCli(database.url, ['projections', 'rebuild', 'accountEntries']);
  expect(rebuilt).toMatchObject({ code: 0 });
  expect(await balance(new Date(), later.token)).toBe(112);
  const inHalfAYear = new Date();
  inHalfAYear.setMonth(inHalfAYear.getMonth() + 6);
  expect(await balance(inHalfAYear, later.token)).toBe(112);
});
