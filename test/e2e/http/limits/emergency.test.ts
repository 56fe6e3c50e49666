import { expect, it } from 'vitest';
import { domains } from '../../../../src/domains/index.ts';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { registerCustomer } from '../../../support/client/shop.ts';
import { useEngine } from '../../../support/kernel/engine.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { stall } from '../../../support/postgres/stall.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ per: 'file' });
const env = { THROTTLE_LAG_MS: '700' };
const one = useApp({ database, env });
const other = useApp({ database, env });

const alone = useDatabase({ per: 'file' });
const withoutProjector = useApp({ database: alone, env: { ...env, PROJECTOR: 'off' } });
const engine = useEngine(alone, domains);

const input = { name: 'Ada', email: 'ada@example.org' };

it('answers THROTTLED on every instance while a read model is too far behind, and takes commands again by itself', async () => {
  await registerCustomer(one);
  const release = await stall(database, 'customers');
  await registerCustomer(one);
  for (const app of [one, other]) {
    const answer = await until(async () => {
      const tried = await app.tryCommand('registerCustomer', input);
      return tried.errors ? tried : undefined;
    });
    if (!answer) throw new Error('until answers what is true');
    expectRequestError(answer, 'THROTTLED');
    const retryAfterMs = Number(answer.errors?.[0]?.extensions.retryAfterMs);
    expect(retryAfterMs).toBeGreaterThanOrEqual(1000);
    expect(retryAfterMs).toBeLessThanOrEqual(10_000);
    expect(answer.headers.get('retry-after')).toBe(String(Math.ceil(retryAfterMs / 1000)));
    expect(answer.errors?.[0]?.message).toMatch(/^Read model customers is \d+ s behind \(\d+ events?\): commands wait/);
    // Reading goes on.
    const { data } = await app.query<{ projections: { name: string; lagMs: number; lagState: string }[] }>(
      '{ projections { name lag lagMs lagState } }',
    );
    const customers = data.projections.find(({ name }) => name === 'customers');
    expect(customers?.lagMs).toBeGreaterThanOrEqual(700);
    expect(customers?.lagState).not.toBe('NORMAL');
  }
  await release();
  for (const app of [one, other]) {
    await until(async () => !(await app.tryCommand('registerCustomer', input)).errors);
  }
});

it('does so too if nobody moves the read models any more, until somebody does', async () => {
  const worker = await engine({ start: true });
  await registerCustomer(withoutProjector);
  await worker.close();
  const answer = await until(async () => {
    const tried = await withoutProjector.tryCommand('registerCustomer', input);
    return tried.errors ? tried : undefined;
  });
  expect(answer?.code).toBe('THROTTLED');
  const { data } = await withoutProjector.query<{ projections: { state: string }[] }>('{ projections { state } }');
  expect(data.projections.map(({ state }) => state)).toEqual(data.projections.map(() => 'STOPPED'));
  await engine({ start: true });
  await until(async () => !(await withoutProjector.tryCommand('registerCustomer', input)).errors);
});
