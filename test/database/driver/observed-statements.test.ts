// Upstream: https://github.com/porsager/postgres/issues/1089
import postgres from 'postgres';
import { expect, it, onTestFinished } from 'vitest';
import { type ObservedStatement, observed } from '../../../src/database/driver/observed-statements.ts';
import { guard } from '../../../src/database/driver/statement.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'file' });

/** A client with one connection, and what is told of its statements. */
function observedClient() {
  const events: string[] = [];
  const statements: ObservedStatement[] = [];
  const client = postgres(database.url, { max: 1, onnotice: () => {} });
  onTestFinished(() => client.end({ timeout: 0 }));
  const guarded = guard(client, [
    observed((statement) => {
      const number = statements.push(statement);
      const tell = (event: string) => void events.push(`${number} ${event}`);
      return { sent: () => tell('sent'), answered: () => tell('answered'), failed: () => tell('failed') };
    }),
  ]);
  return { ask: (text: string) => guarded.unsafe(text), events, statements };
}

it('a statement is sent when somebody awaits it, and then is answered or fails', async () => {
  const { ask, events } = observedClient();
  const first = ask('select 1');
  expect(events).toEqual([]);
  await first;
  await expect(ask('select 1 / 0')).rejects.toThrow('division by zero');
  expect(events).toEqual(['1 sent', '1 answered', '2 sent', '2 failed']);
});

it('a statement names its session once it has one, and whether Postgres is working on it', async () => {
  const { ask, statements } = observedClient();
  const asked = ask('select pg_backend_pid() as pid from pg_sleep(0.2)');
  expect(statements[0]?.backend).toBeUndefined();
  const answer = asked.then(([row]) => row?.pid as number);
  await until(() => statements[0]?.isActive === true);
  expect(statements[0]?.backend?.pid).toBe(await answer);
});
