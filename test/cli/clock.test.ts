import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { counterDomain, countersTable, openCounter, system } from '../support/kernel/counter.ts';
import { useEngine } from '../support/kernel/engine.ts';
import { useDatabase } from '../support/postgres/database.ts';
import { runCli } from './support.ts';

const database = useDatabase({ tables: [countersTable] });
const open = useEngine(database, [counterDomain]);
const accept = (...args: string[]) => runCli(database.url, ['clock', 'accept', ...args]);
const accepted = async () => (await database.sql`select accepted_position from es.store`)[0]?.accepted_position;

it('clock accept says what is in the future, and lets time go back after it only if it is confirmed', async () => {
  expect((await accept('--yes')).stdout).toBe('No event is recorded in the future; there is nothing to accept.\n');
  const ahead = (by: string) =>
    database.sql.unsafe(
      `create or replace function es.now() returns timestamptz language sql as $$ select clock_timestamp() + interval '${by}' $$`,
    );
  const { bus } = await open();
  await ahead('40 days');
  await bus.execute(openCounter, { counterId: randomUUID(), label: 'a' }, system);
  await ahead('0');
  const asked = await accept();
  expect(asked.code).toBe(1);
  expect(asked.stderr).toMatch(/^Error NOT_CONFIRMED: The last event, 1, is recorded at .* add --yes/);
  expect(await accepted()).toBe(0);
  expect((await accept('--yes')).stdout).toContain('Events after 1 are recorded at the right time.');
  expect(await accepted()).toBe(1);
  const [acceptance] = await database.sql`select up_to, accepted_at <= now() as is_past from es.acceptances`;
  expect(acceptance).toEqual({ up_to: 1, is_past: true });
});

it('restore-epoch brings processes back to the end of the log, and names the read models that hold lost events', async () => {
  await database.sql`insert into read.checkpoints (projection, version, position)
    values ('orders@3', 1, 7), ('process:Fulfilment', 1, 7)`;
  expect((await runCli(database.url, ['restore-epoch', '--yes'])).stdout).toMatch(
    /rebuild each with `projections rebuild`: orders\./,
  );
  const rows = await database.sql`select projection, position from read.checkpoints order by projection`;
  expect(rows.map(({ projection, position }) => [projection, position])).toEqual([
    ['orders@3', 7],
    ['process:Fulfilment', 0],
  ]);
});
