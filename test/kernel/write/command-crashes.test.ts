import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { isTransient } from '../../../src/database/transient.ts';
import type { Command } from '../../../src/kernel/define/command.ts';
import type { CommandOutcome } from '../../../src/kernel/define/command-outcome.ts';
import { OutcomeUnknownError } from '../../../src/kernel/errors.ts';
import { AppendQueue } from '../../../src/kernel/log/append/append-queue.ts';
import { Snapshots } from '../../../src/kernel/log/streams/snapshots.ts';
import type { EngineOccurrences } from '../../../src/kernel/observe/occurrences.ts';
import { unobserved } from '../../../src/kernel/observe/occurrences.ts';
import { CommandBus } from '../../../src/kernel/write/command-bus.ts';
import { StreamStates } from '../../../src/kernel/write/state/stream-states.ts';
import { Observer } from '../../../src/observe/observer.ts';
import { CRASHES, expectSoundLog } from '../../support/crash/crash-points.ts';
import { useCrashProxy } from '../../support/crash/crash-proxy.ts';
import { closeCounter, counterDomain, incrementCounter, openCounter, system } from '../../support/kernel/counter.ts';
import { type TestEngine, useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';
import { fc } from '../../support/properties.ts';

const database = useDatabase();
const openProxy = useCrashProxy();
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }]);

/** The next action of a client, on a counter of its own or on a shared one; once, or twice at the same moment. */
interface Step {
  readonly does: 'open' | 'increment' | 'nothing' | 'close';
  readonly shared: boolean;
  readonly twice: boolean;
  readonly times: number;
}
const step: fc.Arbitrary<Step> = fc.record({
  does: fc.oneof(
    { weight: 3, arbitrary: fc.constant('increment' as const) },
    fc.constantFrom('open' as const, 'nothing' as const, 'close' as const),
  ),
  shared: fc.boolean(),
  twice: fc.boolean(),
  // Enough of them that snapshots are taken.
  times: fc.constantFrom(1, 2, 9),
});
const clients = fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 });
const crash = fc.tuple(fc.constantFrom(...CRASHES), fc.integer({ min: 1, max: 40 }));

interface Issued {
  readonly commandId: string;
  readonly outcomes: readonly CommandOutcome[];
}

/** The parts of a server that accept commands; `gives.up` if its process is gone. */
function busOf({ log, database: { writer } }: TestEngine, batchLimit: number, gives: { up: boolean }): CommandBus {
  const queue = new AppendQueue(log, {
    limit: 1000,
    batchLimit,
    onCommitted: () => {},
    observer: new Observer<EngineOccurrences>([
      {
        appendRetried: ({ error }) => {
          if (gives.up) throw error;
        },
      },
    ]),
  });
  const snapshots = new Snapshots(writer.db, unobserved);
  return new CommandBus({ log, queue, states: new StreamStates(log, 100, snapshots) });
}

/** Lets every client do its steps one after the other, by the bus that there is; without an answer it sends them again. */
async function live(
  plans: readonly (readonly Step[])[],
  shared: string,
  own: readonly string[],
  bus: () => CommandBus,
): Promise<Issued[][]> {
  const issue = async (command: Command, input: object, commandId: string): Promise<CommandOutcome> => {
    for (;;) {
      try {
        return await bus().executeUnchecked(command, input, { ...system, commandId });
      } catch (error) {
        if (!(error instanceof OutcomeUnknownError || isTransient(error))) throw error;
      }
    }
  };
  return Promise.all(
    plans.map(async (steps, client) => {
      const issued: Issued[] = [];
      for (const [nth, { does, ...step }] of steps.entries()) {
        // To the shared counter only what commutes, so that the end is the same whoever comes first.
        const counterId = step.shared && does === 'increment' ? shared : own[client]!;
        const [command, input] =
          does === 'open'
            ? [openCounter, { counterId, label: `of ${client}` }]
            : does === 'close'
              ? [closeCounter, { counterId }]
              : [
                  incrementCounter,
                  { counterId, by: does === 'nothing' ? 0 : 10 * client + nth + 1, times: step.times },
                ];
        const commandId = randomUUID();
        const outcomes = await Promise.all(
          (step.twice ? [1, 2] : [1]).map(() => issue(command as Command, input, commandId)),
        );
        issued.push({ commandId, outcomes });
      }
      return issued;
    }),
  );
}

/** An outcome without its position in the log and without who was first. */
function told(outcome: CommandOutcome, sharedId: string): unknown {
  if (outcome.kind === 'accepted') {
    const { version, aggregateId } = outcome.receipt;
    return { kind: 'accepted', version: aggregateId === sharedId ? undefined : version };
  }
  return 'code' in outcome ? { kind: outcome.kind, code: outcome.code } : { kind: outcome.kind };
}

it('commands are answered and leave the same events in the log as without a crash, wherever a connection breaks', async () => {
  const proxy = await openProxy(database);
  const [breaking, direct] = await Promise.all([openEngine({ url: proxy.url, writers: 2 }), openEngine()]);
  const eventsOf = async (counterId: string) =>
    (await database.sql`select version, type, data from es.events where stream_id = ${counterId} order by version`).map(
      (row) => ({ ...row }),
    );
  let broken = 0;

  await fc.assert(
    fc.asyncProperty(clients, crash, fc.integer({ min: 1, max: 6 }), async (plans, [[how, dies], at], batchLimit) => {
      const counters = () => ({ shared: randomUUID(), own: plans.map(() => randomUUID()) });
      const [calm, wild] = [counters(), counters()];
      const steady = busOf(direct, batchLimit, { up: false });
      for (const { shared } of [calm, wild])
        await steady.execute(openCounter, { counterId: shared, label: 's' }, system);
      const expected = await live(plans, calm.shared, calm.own, () => steady);

      await proxy.arm({ how, dies, at });
      const gives = { up: dies === 'process' };
      const bus = busOf(breaking, batchLimit, gives);
      const fresh = busOf(direct, batchLimit, { up: false });
      const issued = await live(plans, wild.shared, wild.own, () => (gives.up && proxy.hasBroken ? fresh : bus));
      if (proxy.hasBroken) broken++;
      await bus.close();
      await proxy.mend();

      for (const [client, own] of wild.own.entries()) {
        expect(await eventsOf(own)).toEqual(await eventsOf(calm.own[client]!));
        for (const [nth, { commandId, outcomes }] of issued[client]!.entries()) {
          for (const outcome of outcomes) {
            expect(told(outcome, wild.shared)).toEqual(told(expected[client]![nth]!.outcomes[0]!, calm.shared));
          }
          await expectAnswered(commandId, outcomes);
        }
      }
      const amounts = async (counterId: string) =>
        (await eventsOf(counterId)).map(({ data }) => JSON.stringify(data)).sort();
      expect(await amounts(wild.shared)).toEqual(await amounts(calm.shared));
    }),
    { numRuns: 14 },
  );
  await expectSoundLog(database.sql);
  expect(broken).toBeGreaterThan(0);

  /** Every receipt has the command's position in the log, and at most one says that it was the first. */
  async function expectAnswered(commandId: string, outcomes: readonly CommandOutcome[]): Promise<void> {
    const receipts = outcomes.flatMap((outcome) => (outcome.kind === 'accepted' ? [outcome.receipt] : []));
    const rows = await database.sql`select version, position from es.events
      where command_id = ${commandId} and command_fingerprint is not null
      union all select version, position from es.receipts where command_id = ${commandId}`;
    expect(rows).toHaveLength(receipts.length > 0 ? 1 : 0);
    for (const receipt of receipts) expect(receipt).toMatchObject({ ...rows[0] });
    expect(receipts.filter(({ replayed }) => !replayed).length).toBeLessThan(2);
  }
});
