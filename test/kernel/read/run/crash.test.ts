import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { receiptOf } from '../../../support/kernel/appends.ts';
import {
  counterDomain,
  countersTable,
  incrementCounter,
  openCounter,
  system,
} from '../../../support/kernel/counter.ts';
import { useEngine } from '../../../support/kernel/engine.ts';
import { useDatabase } from '../../../support/postgres/database.ts';
import { until } from '../../../support/until.ts';

const database = useDatabase({ tables: [countersTable], per: 'emptied' });
const engine = useEngine(database, [counterDomain]);

/** Postgres crashes and comes back without a batch that it had committed and not flushed. */
async function crash(lostAfter: number): Promise<void> {
  const { sql } = database;
  await sql`update read.counters_v1 set value = 0, version = 1, last_position = ${lostAfter}`;
  await sql`update read.checkpoints set position = ${lostAfter}`;
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid() and application_name like 'afterwrite%'`;
}

describe('read models, when Postgres has lost batches that it had committed', () => {
  it('are said to be if the database says they are, and are brought up again without a new event', async () => {
    const { bus, projector } = await engine({ start: true });
    const counterId = randomUUID();
    await bus.execute(openCounter, { counterId, label: 'visits' }, system);
    const { position } = receiptOf(await bus.execute(incrementCounter, { counterId, by: 5 }, system));
    await projector.positions.reached('counters', position);

    await crash(1);
    await until(() => projector.positions.of('counters') < position);
    expect(await projector.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
    expect(await database.sql`select value, version, last_position from read.counters_v1`).toMatchObject([
      { value: 5, version: 2, last_position: position },
    ]);
  });

  it('go on if they were when only connections were lost', async () => {
    const { bus, projector } = await engine({ start: true });
    const counterId = randomUUID();
    await bus.execute(openCounter, { counterId, label: 'visits' }, system);
    const { position } = receiptOf(await bus.execute(incrementCounter, { counterId, by: 5 }, system));
    await projector.positions.reached('counters', position);

    projector.invalidate();
    expect(projector.positions.of('counters')).toBe(0);
    expect(await projector.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
    const later = receiptOf(await bus.execute(incrementCounter, { counterId }, system));
    expect(await projector.positions.reached('counters', later.position, { timeoutMs: 30_000 })).toBe(true);
  });
});
