import { setTimeout as delay } from 'node:timers/promises';
import { Commands, Market } from '../clients/commands.ts';
import { Sender } from '../clients/sender.ts';
import { Recorder } from '../history.ts';
import type { Instance } from '../world/instance.ts';
import type { Scene } from './fault.ts';

/** Within this a server says that it cannot do its work. */
const TELLS_WITHIN_MS = 30_000;
/** Within this a server does its work when the harm is over, or in spite of it. */
const SERVES_WITHIN_MS = 60_000;
const POLL_MS = 100;

/**
 * Waits until each server acknowledges this many commands in a row and says that it is ready, or records that it did
 * not in time.
 */
export async function expectService(
  scene: Scene,
  instances: readonly Instance[],
  fault: string,
  inARow = 1,
): Promise<void> {
  await Promise.all(instances.map((instance) => expectServiceOf(scene, instance, { fault, inARow })));
}

/** Waits until each server says that it is not ready, or writes down that it did not in time. */
export async function expectNotReady(scene: Scene, instances: readonly Instance[], fault: string): Promise<void> {
  const { clock, giveUp, unmet } = scene;
  const end = clock() + TELLS_WITHIN_MS;
  await Promise.all(
    instances.map(async (instance) => {
      while (await instance.saysReady()) {
        if (giveUp.aborted) return;
        if (clock() > end) {
          const facts = { fault, instance: instance.name, withinMs: TELLS_WITHIN_MS, at: clock() };
          unmet.push({ expected: 'readiness tells', facts });
          return;
        }
        await delay(POLL_MS);
      }
    }),
  );
}

async function expectServiceOf(
  scene: Scene,
  instance: Instance,
  { fault, inARow }: { readonly fault: string; readonly inARow: number },
): Promise<void> {
  const { clock, giveUp, recorders, unmet } = scene;
  const random = scene.random.fork();
  const recorder = new Recorder(`probe-${recorders.length + 1}`, clock);
  recorders.push(recorder);
  const sender = new Sender(recorder, random, [instance]);
  const commands = new Commands(random, new Market());
  let command = commands.registerCustomer();
  const end = clock() + SERVES_WITHIN_MS;
  let acknowledged = 0;
  while (!giveUp.aborted) {
    if (acknowledged < inARow) {
      const isAcknowledged = (await sender.attempt(command, instance)).is === 'acknowledged';
      acknowledged = isAcknowledged ? acknowledged + 1 : 0;
      // Commands without an answer are sent again until they have one.
      if (isAcknowledged) command = commands.registerCustomer();
    }
    if (acknowledged >= inARow && (await instance.saysReady())) return;
    if (clock() > end) {
      const facts = { fault, instance: instance.name, withinMs: SERVES_WITHIN_MS, at: clock(), inARow, acknowledged };
      unmet.push({ expected: 'server serves', facts: { ...facts, last: recorder.records.slice(-4) } });
      return;
    }
    if (acknowledged === 0 || acknowledged >= inARow) await delay(POLL_MS);
  }
}
