import { expect, it } from 'vitest';
import { expectRequestError } from '../../../support/client/refusals.ts';
import { registerCustomer } from '../../../support/client/shop.ts';
import { logSize } from '../../../support/kernel/log.ts';
import { useApp } from '../../../support/server/app.ts';
import { until } from '../../../support/until.ts';

const app = useApp({ env: { APPEND_QUEUE_LIMIT: '1' } });

it('answers THROTTLED with when to try again if the queue of commands is full, and takes nothing of these', async () => {
  await registerCustomer(app);
  const before = await logSize(app.database);
  const connection = await app.database.sql.reserve();
  await connection`begin`;
  await connection`lock table es.events in share mode`;
  const answers: Awaited<ReturnType<typeof app.tryCommand>>[] = [];
  const input = { name: 'Ada', email: 'ada@example.org' };
  const commands = Array.from({ length: 8 }, async () => answers.push(await app.tryCommand('registerCustomer', input)));
  // One is being appended, and one may wait.
  await until(() => answers.length >= 6);
  for (const answer of answers) {
    expectRequestError(answer, 'THROTTLED');
    const retryAfterMs = answer.errors?.[0]?.extensions.retryAfterMs;
    expect(answer.errors?.[0]?.extensions).toEqual({ code: 'THROTTLED', retryAfterMs: expect.any(Number) });
    expect(retryAfterMs).toBeGreaterThanOrEqual(50);
    expect(retryAfterMs).toBeLessThanOrEqual(10_000);
    expect(answer.errors?.[0]?.message).toBe(`The append queue is full. Try again in ${retryAfterMs} ms.`);
    expect(answer.headers.get('retry-after')).toBe(String(Math.ceil(Number(retryAfterMs) / 1000)));
  }
  await connection`rollback`;
  connection.release();
  await Promise.all(commands);
  const accepted = answers.filter(({ errors }) => !errors);
  expect(accepted.length).toBeGreaterThanOrEqual(1);
  expect((await logSize(app.database)).events).toBe(before.events + accepted.length);
  expect((await registerCustomer(app)).version).toBe(1);
});
