import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { newInstanceId } from '../../../../src/kernel/checkpoints/leases/instance-id.ts';
import { createEngine } from '../../../../src/kernel/engine.ts';
import type { ProjectionMoved } from '../../../../src/kernel/notify/hub.ts';
import type { EngineOccurrences } from '../../../../src/kernel/observe/occurrences.ts';
import { Observer } from '../../../../src/observe/observer.ts';
import { counterDomain } from '../../../support/kernel/counter.ts';
import { until } from '../../../support/until.ts';
import { increment, open, stateOf, useCounterServers } from './counter-servers.ts';

const { database, openEngine, checkpoint, expectWhole } = useCounterServers();

describe('events that another server appends', () => {
  it('are seen by way of its notification', async () => {
    const here = await openEngine({ start: true });
    const elsewhere = await openEngine();
    const counterId = await open(elsewhere);
    for (let n = 0; n < 5; n++) await increment(elsewhere, counterId);
    await expectWhole(here);
  });

  it('are seen without any notification', async () => {
    const { database: opened } = await openEngine();
    const faults: unknown[] = [];
    const deaf = createEngine({
      database: { ...opened, wakeUp: { ...opened.wakeUp, url: 'postgres://127.0.0.1:1/nowhere', login: undefined } },
      domains: [counterDomain],
      observer: new Observer<EngineOccurrences>([{ faultMet: ({ error }) => faults.push(error) }]),
    });
    await deaf.start();
    const position = await open(await openEngine()).then(async () => (await deaf.log.head()).position);
    expect(await deaf.projector.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
    await deaf.stop();
    expect(faults).not.toHaveLength(0);
  });

  it('and applies are followed by who does not own the projection', async () => {
    const owner = await openEngine({ start: true });
    const follower = await openEngine({ start: true });
    const counterId = await open(follower);
    const position = await increment(follower, counterId);
    expect(await follower.projector.positions.reached('counters', position, { timeoutMs: 30_000 })).toBe(true);
    const [row] = await database.sql`select value from read.counters_v1`;
    expect(row?.value).toBe(1);
    expect([stateOf(owner), stateOf(follower)]).toEqual(['RUNNING', 'RUNNING']);
  });
});

describe('a projection that another server begins again', () => {
  it('is not trusted to have its last known position', async () => {
    const former = await openEngine({ start: true });
    const counterId = await open(former);
    await increment(former, counterId);
    await expectWhole(former);
    expect(former.projector.positions.of('counters')).toBe(2);
    // A server creates the table again, and then its fold fails at the first event.
    await database.sql`update read.checkpoints
      set position = 0, generation = generation + 1, owner = gen_random_uuid(), owner_process = 'elsewhere:1', lease_until = now() + interval '1 minute'`;
    await until(() => former.projector.positions.of('counters') === 0);
    expect(await former.projector.positions.reached('counters', 2, { timeoutMs: 50 })).toBe(false);
  });
});

describe('ownership', () => {
  it('that is taken up tells listeners that any row may have changed', async () => {
    const before = await openEngine({ start: true });
    const after = await openEngine();
    const counterId = await open(before);
    const moves: ProjectionMoved[] = [];
    after.projector.hub.listen(['counters'], (moved) => moves.push(moved));
    await increment(before, counterId);
    await expectWhole(before);
    await before.close();
    await after.start();
    await until(() => moves.length > 0);
    expect(moves[0]).toMatchObject({ position: 2, keys: null });
  });

  it('goes to another server when the owner stops', async () => {
    const first = await openEngine({ start: true });
    const second = await openEngine({ start: true });
    const counterId = await open(first);
    await first.close();
    await increment(second, counterId);
    await expectWhole(second);
  });

  it('goes to another server when the owner has said nothing for the length of its lease', async () => {
    const before = await openEngine({ start: true });
    await expectWhole(before);
    await before.close();
    await database.sql`update read.checkpoints
      set owner = gen_random_uuid(), owner_process = 'elsewhere:1', lease_until = now() + interval '1 second'`;
    const engine = await openEngine({ start: true });
    await open(engine);
    expect(engine.projector.positions.of('counters')).toBe(0);
    await expectWhole(engine);
  });

  it('goes to a neighbour within a second if the owner’s process was killed', async () => {
    const before = await openEngine({ start: true });
    const counterId = await open(before);
    await expectWhole(before);
    const ended = spawnSync(process.execPath, ['-e', '']).pid;
    await before.close();
    // While it lives nobody takes anything from it.
    await database.sql`update read.checkpoints set owner = ${newInstanceId()},
      owner_process = ${`${hostname()}:${process.ppid}`}, lease_until = now() + interval '1 hour'`;
    const neighbour = await openEngine({ start: true });
    await increment(neighbour, counterId);
    expect(stateOf(neighbour)).toBe('RUNNING');
    expect(neighbour.projector.positions.of('counters')).toBe(1);
    await database.sql`update read.checkpoints set owner_process = ${`${hostname()}:${ended}`}`;
    await expectWhole(neighbour);
  });

  it('that was lost is noticed before anything is written, and taken up again', async () => {
    const engine = await openEngine({ start: true });
    const counterId = await open(engine);
    await expectWhole(engine);
    const thief = randomUUID();
    await database.sql`update read.checkpoints set owner = ${thief}, lease_until = now() + interval '1 second'`;
    await increment(engine, counterId);
    // The thief does its work, as another server would.
    await database.sql`update read.counters_v1 set value = value + 1, version = 2, last_position = 2`;
    await database.sql`update read.checkpoints set position = 2 where owner = ${thief}`;
    for (let n = 0; n < 10; n++) await increment(engine, counterId);
    await expectWhole(engine);
    expect((await checkpoint())?.owner).not.toBe(thief);
    expect(stateOf(engine)).toBe('RUNNING');
  });

  it('in dispute lets each event be applied once', async () => {
    const engines = await Promise.all([openEngine({ start: true }), openEngine({ start: true })]);
    const counterId = await open(engines[0]);
    for (let round = 0; round < 10; round++) {
      // Takes the projection away in the middle of the work.
      await database.sql`update read.checkpoints set owner = null, lease_until = null`;
      await Promise.all(engines.flatMap((engine) => [1, 2, 3].map(() => increment(engine, counterId))));
    }
    await Promise.all(engines.map(expectWhole));
  });
});
