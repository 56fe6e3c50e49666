import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { CommandOutcome } from '../../../src/kernel/define/command-outcome.ts';
import { CommitFeed } from '../../../src/kernel/log/commit-feed.ts';
import { LogHead } from '../../../src/kernel/log/log-head.ts';
import { DueDeadlines } from '../../../src/kernel/process/due-deadlines.ts';
import { ProcessFollower } from '../../../src/kernel/process/follow/follower.ts';
import { processLimits } from '../../../src/kernel/process/limits.ts';
import { ParkedItems } from '../../../src/kernel/process/parked/parked-items.ts';
import { ProcessWork } from '../../../src/kernel/process/process-work.ts';
import type { CommandBus } from '../../../src/kernel/write/command-bus.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { eachFault } from '../../support/kernel/observers.ts';
import { Delivery, fillPurse, parcelDomain, payPostage, sendParcel } from '../../support/kernel/parcel-process.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { until } from '../../support/until.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [parcelDomain]);

type Executed = (outcome: CommandOutcome, again: () => Promise<CommandOutcome>) => Promise<CommandOutcome>;

/** A runner of its own that goes along the log from its beginning; `after` is what happens to each payPostage's outcome. */
async function runnerOn(engine: TestEngine, after: Executed) {
  const { bus, log } = engine;
  const slow: Pick<CommandBus, 'executeUnchecked'> = {
    executeUnchecked: async (command, input, options) => {
      const execute = () => bus.executeUnchecked(command, input, options);
      return command === payPostage ? after(await execute(), execute) : execute();
    },
  };
  const observer = eachFault((fault) => engine.faults.push(fault));
  const head = new LogHead();
  const { db } = engine.database.projector;
  const clock = new DueDeadlines(db, engine.projector.hub, observer);
  const runner = new ProcessFollower({
    name: 'process:Delivery',
    work: new ProcessWork({ db, process: Delivery as never, bus: slow, clock, follows: new Set() }),
    log,
    feed: new CommitFeed(0),
    head,
    parked: new ParkedItems(db, 'process:Delivery'),
    limits: processLimits({}),
    knows: () => true,
    move: async () => true,
    onAhead: () => {},
    observer,
  });
  head.onAdvance(() => runner.wake());
  const looking = setInterval(async () => {
    const { position, recordedAt } = await log.head();
    head.advance(position, recordedAt);
  }, 10);
  runner.start({ position: 0, generation: 0, failure: null });
  return {
    stop: async () => {
      clearInterval(looking);
      await runner.stop();
    },
  };
}

const typesOf = async (streamType: string) =>
  (await database.sql`select type from es.events where stream_type = ${streamType} order by position`).map(
    ({ type }) => type,
  );

async function sentToNobody(engine: TestEngine): Promise<string> {
  const to = randomUUID();
  receiptOf(await engine.bus.execute(sendParcel, { to, postage: 3 }, system));
  return to;
}

describe('a command that is refused to one instance and accepted from another', () => {
  it('has been accepted, if that was first in the log', async () => {
    const engine = await openEngine({ projector: 'off' });
    const to = await sentToNobody(engine);
    const runner = await runnerOn(engine, async (outcome, again) => {
      if (outcome.kind !== 'notFound') return outcome;
      // Before this instance says so, it pauses; another takes over, for which there is a purse by now.
      await engine.bus.execute(fillPurse, { id: to, amount: 5 }, system);
      receiptOf(await again());
      return outcome;
    });
    await until(async () => (await typesOf('Delivery')).includes('PostageSettled'));
    await runner.stop();
    expect(await typesOf('Delivery')).toEqual(['PostageDue', 'CommandRequested', 'DeadlineSet', 'PostageSettled']);
    expect(await typesOf('Purse')).toEqual(['PurseFilled', 'PostagePaid']);
    expect(await typesOf('Parcel')).toEqual(['ParcelSent']);
    expect(engine.faults).toEqual([]);
  });

  it('has been refused, if that was first in the log', async () => {
    const engine = await openEngine({ projector: 'off' });
    const to = await sentToNobody(engine);
    const first = await runnerOn(engine, async (outcome) => outcome);
    await until(async () => (await typesOf('Parcel')).includes('ParcelReturned'));
    await first.stop();
    receiptOf(await engine.bus.execute(fillPurse, { id: to, amount: 5 }, system));
    const outcomes: CommandOutcome['kind'][] = [];
    const second = await runnerOn(engine, async (outcome) => {
      outcomes.push(outcome.kind);
      return outcome;
    });
    await until(() => outcomes.length > 0);
    await second.stop();
    expect(outcomes).toEqual(['reused']);
    expect(await typesOf('Purse')).toEqual(['PurseFilled']);
    expect((await typesOf('Delivery')).filter((type) => type === 'CommandRefused')).toHaveLength(1);
    expect(engine.faults).toEqual([]);
  });
});

describe('a command that met others on its stream each time', () => {
  it('is issued again, since that is no refusal', async () => {
    const engine = await openEngine({ projector: 'off' });
    const to = await sentToNobody(engine);
    await engine.bus.execute(fillPurse, { id: to, amount: 5 }, system);
    let conflicts = 0;
    const runner = await runnerOn(engine, async (outcome) =>
      conflicts++ === 0 ? { kind: 'conflict', expectedVersion: 1, actualVersion: 2, attempts: 11 } : outcome,
    );
    await until(async () => (await typesOf('Delivery')).includes('PostageSettled'));
    await runner.stop();
    expect(conflicts).toBe(2);
    expect(await typesOf('Purse')).toEqual(['PurseFilled', 'PostagePaid']);
    expect(engine.faults).toMatchObject([{ error: { code: 'STREAM_BUSY' } }]);
  });
});
