import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { OutcomeUnknownError } from '../../../../src/kernel/errors.ts';
import type { Append, AppendOutcome } from '../../../../src/kernel/log/append/append.ts';
import { AppendQueue } from '../../../../src/kernel/log/append/append-queue.ts';
import type { EventLog } from '../../../../src/kernel/log/event-log.ts';
import type { EngineOccurrences } from '../../../../src/kernel/observe/occurrences.ts';
import { Observer } from '../../../../src/observe/observer.ts';
import {
  breakAtPoints,
  CRASHES,
  type Scenario as CrashScenario,
  expectSoundLog,
} from '../../../support/crash/crash-points.ts';
import { useCrashProxy } from '../../../support/crash/crash-proxy.ts';
import { anAppend, incremented } from '../../../support/kernel/appends.ts';
import { counterDomain } from '../../../support/kernel/counter.ts';
import { useEngine } from '../../../support/kernel/engine.ts';
import { useDatabase } from '../../../support/postgres/database.ts';

const database = useDatabase();
const openProxy = useCrashProxy();
const openEngine = useEngine(database, [{ ...counterDomain, projections: [] }]);

/** A batch, what becomes of it in the end, and what it needs to be in the log before. */
interface Scenario {
  readonly before: readonly Append[];
  readonly batch: readonly Append[];
  readonly outcomes: readonly Partial<AppendOutcome>[];
}

const by = (...amounts: number[]) => amounts.map((amount) => incremented(amount));

/**
 * A batch in which every append is accepted: new streams and known ones, several events for one, several appends for
 * another.
 */
function wholeBatch(): Scenario {
  const [known, fresh] = [randomUUID(), randomUUID()];
  return {
    before: [anAppend({ streamId: known, events: by(1) })],
    batch: [
      anAppend({ streamId: fresh, events: by(10, 11) }),
      anAppend({ events: by(20) }),
      anAppend({ streamId: known, expectedVersion: 1, events: by(30) }),
      anAppend({ streamId: fresh, expectedVersion: 2, events: by(40) }),
    ],
    outcomes: [2, 1, 2, 3].map((version) => ({ outcome: 'accepted', version })),
  };
}

/** A batch with every reason for which appends are judged one by one. */
function judgedBatch(): Scenario {
  const [known, conflicting, earlier, idle] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  const old = anAppend({ streamId: earlier, events: by(1, 2) });
  return {
    before: [anAppend({ streamId: known }), anAppend({ streamId: conflicting }), old, anAppend({ streamId: idle })],
    batch: [
      anAppend({ occurredAt: new Date(0), events: by(10, 11) }),
      anAppend({ streamId: known, expectedVersion: null, events: by(20) }),
      anAppend({ streamId: conflicting, expectedVersion: 0, events: by(30) }),
      { ...old, expectedVersion: 2 },
      anAppend({ commandId: anAppend().commandId, streamId: idle, expectedVersion: 1, events: [] }),
      anAppend({ streamId: known, expectedVersion: 2, events: by(40) }),
      anAppend({ streamId: conflicting, commandId: old.commandId, expectedVersion: 1, events: by(50) }),
    ],
    outcomes: [
      { outcome: 'accepted', version: 2 },
      { outcome: 'accepted', version: 2 },
      { outcome: 'conflict' },
      { outcome: 'replayed', version: 2 },
      { outcome: 'accepted', version: 1 },
      { outcome: 'accepted', version: 3 },
      // Appends after the conflict in its stream are only compared by command id.
      { outcome: 'reused' },
    ],
  };
}

function queueOf(log: EventLog, gives: { up: boolean } = { up: false }) {
  const committed: number[] = [];
  const queue = new AppendQueue(log, {
    limit: 100,
    batchLimit: 100,
    onCommitted: (events) => committed.push(...events.map(({ position }) => position)),
    observer: new Observer<EngineOccurrences>([
      {
        appendRetried: ({ error }) => {
          // The process is gone: nobody sends the batch again.
          if (gives.up) throw error;
        },
      },
    ]),
  });
  return { queue, committed };
}

/** Appends a batch by a way that breaks, then once more as its client does who has not heard what became of it. */
async function scenarioOf(make: () => Scenario): Promise<CrashScenario> {
  const proxy = await openProxy(database);
  const [breaking, direct] = await Promise.all([openEngine({ url: proxy.url, writers: 1 }), openEngine()]);
  const run: CrashScenario['run'] = async (point) => {
    const { before, batch, outcomes } = make();
    await direct.log.append(before);
    const { position: head } = await direct.log.head();
    const added = outcomes.flatMap(({ outcome }, nth) => (outcome === 'accepted' ? (batch[nth]?.events ?? []) : []));

    await proxy.arm(point);
    const dies = point.dies === 'process';
    const { queue, committed } = queueOf(breaking.log, { up: dies });
    const answers = await Promise.allSettled(batch.map((append) => queue.append(append)));
    const { hasBroken } = proxy;
    await proxy.mend();
    const { position: reached } = await direct.log.head();
    expect([head, head + added.length]).toContain(reached);
    if (!dies || !hasBroken) {
      expect(answers).toMatchObject(outcomes.map((value) => ({ status: 'fulfilled', value })));
      expect(committed).toEqual(added.map((_, nth) => head + 1 + nth));
    }

    const { queue: anew } = queueOf(direct.log);
    const again = await Promise.all(batch.map((append) => anew.append(append)));
    for (const [nth, answer] of answers.entries()) {
      const [now, due] = [again[nth] as AppendOutcome, outcomes[nth] as AppendOutcome];
      if (answer.status === 'rejected') expect(answer.reason).toBeInstanceOf(OutcomeUnknownError);
      else expect(answer.value).toMatchObject(due);
      if (due.outcome !== 'accepted') expect(now).toMatchObject(due);
      else if (reached === head) expect(now).toMatchObject({ outcome: 'accepted', version: due.version });
      else expect(now).toMatchObject({ outcome: 'replayed', version: due.version });
      if (answer.status === 'fulfilled' && 'position' in answer.value) {
        expect(now).toMatchObject({ position: answer.value.position });
      }
    }
    expect((await direct.log.read(head, 100)).map(({ data }) => data)).toEqual(added.map(({ data }) => data));
  };
  return { proxy, run };
}

describe.each([
  ['appended as a whole', wholeBatch],
  ['judged one by one', judgedBatch],
])('a batch that is %s', (_, make) => {
  it.each(CRASHES)('is in the log once, whichever message is %s and the %s dies', async (how, dies) => {
    await breakAtPoints([await scenarioOf(make)], how, dies, { messages: 9 });
    await expectSoundLog(database.sql);
  });
});
