import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../../support/random.ts';
import { type Clock, RIGHT } from '../../world/clock.ts';
import { expectNotReady, expectService } from '../expectations.ts';
import { type Fault, namesOf, type Scene, someInstances } from '../fault.ts';

/** Below what servers put up with (CLOCK_SKEW_LIMIT_MS, a minute): nobody may notice. */
const ENDURED_MS = { least: 5000, most: 45_000 };
const MINUTE = 60_000;
/** Beyond that. */
const REFUSED_MS = [10 * MINUTE, 60 * MINUTE, 40 * 24 * 60 * MINUTE] as const;
/** How much a clock gains on each ms, in hundredths: for a minute it stays below what servers put up with. */
const DRIFT_PERCENT = { least: 1, most: 50 };
/** A server that takes its own wrong clock for a lag refuses some commands and takes others. */
const IN_A_ROW = 30;
const HARM_MS = { least: 3000, most: 6000 };

/**
 * Faults of the servers' wall clocks. Postgres' clock cannot be set without that of the machine: if all servers are
 * wrong by the same amount, it is as if Postgres' clock were wrong by the opposite amount.
 */
export const CLOCK_FAULTS = {
  'clock shifted': {
    subject: 'clocks',
    play: (scene) => {
      const offsetMs = signed(scene.random, scene.random.between(ENDURED_MS.least, ENDURED_MS.most));
      return endured(scene, 'clock shifted', { offsetMs, drift: 0 });
    },
  },

  'clock drifting': {
    subject: 'clocks',
    play: (scene) => {
      const drift = signed(scene.random, scene.random.between(DRIFT_PERCENT.least, DRIFT_PERCENT.most) / 100);
      return endured(scene, 'clock drifting', { offsetMs: 0, drift });
    },
  },

  'clock far off': {
    subject: 'clocks',
    play: async (scene) => {
      const instances = someInstances(scene);
      const offsetMs = signed(scene.random, scene.random.pick(REFUSED_MS));
      for (const instance of instances) instance.setClock({ offsetMs, drift: 0 });
      await expectNotReady(scene, instances, `clock far off (${offsetMs} ms)`);
      for (const instance of instances) instance.setClock(RIGHT);
      await expectService(scene, instances, `clock far off (${offsetMs} ms)`);
      return `of ${namesOf(instances)} by ${offsetMs} ms`;
    },
  },
} satisfies Record<string, Fault>;

/** Servers serve while it lasts, and when the clock is set right again. */
async function endured(scene: Scene, fault: string, clock: Clock): Promise<string> {
  const instances = someInstances(scene);
  const what = `${clock.offsetMs} ms${clock.drift === 0 ? '' : ` and ${clock.drift} ms with each`}`;
  const ms = scene.random.between(HARM_MS.least, HARM_MS.most);
  for (const instance of instances) instance.setClock(clock);
  await delay(ms);
  await expectService(scene, instances, `${fault} (${what})`, IN_A_ROW);
  for (const instance of instances) instance.setClock(RIGHT);
  await expectService(scene, instances, `${fault} (${what}), and back`);
  return `of ${namesOf(instances)} by ${what}, for ${ms} ms`;
}

function signed(random: Random, value: number): number {
  return random.chance(0.5) ? value : -value;
}
