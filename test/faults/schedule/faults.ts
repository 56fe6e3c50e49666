import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../support/random.ts';
import { until } from '../../support/until.ts';
import { Commands, Market } from '../clients/commands.ts';
import { Sender } from '../clients/sender.ts';
import { Recorder } from '../history.ts';
import type { Instance } from '../world/instance.ts';
import type { World } from '../world/world.ts';

/** What faults need to know. */
export interface Scene {
  readonly world: World;
  readonly random: Random;
  readonly clock: () => number;
  /** What the faults themselves send. */
  readonly recorders: Recorder[];
  readonly queueLimit: number;
  /** Commands that were refused because a queue was full are sent again until then. */
  readonly giveUp: AbortSignal;
}

/** Does one harm and answers, when the harm is over or takes care of itself, what it was. */
export type Fault = (scene: Scene) => Promise<string>;

/** A lease is 5 seconds; whoever is paused for longer wakes up as an owner whose place is taken. */
const BEYOND_A_LEASE_MS = 6500;
/** A hold this long fills any queue that is not long. */
const FILL_MS = 3000;
/** Within this some server serves again, whatever has happened. */
const READY_MS = 120_000;

/** Every kind of harm. */
export const FAULTS = {
  'instance killed (SIGKILL)': async ({ world, random }) => {
    const instance = await readyOne(world, random);
    instance.kill();
    return instance.name;
  },

  'instance paused (SIGSTOP)': async ({ world, random }) => {
    const instance = await readyOne(world, random);
    const ms = BEYOND_A_LEASE_MS + random.between(0, 1500);
    instance.pause();
    await delay(ms);
    instance.resume();
    return `${instance.name} for ${ms} ms`;
  },

  'Postgres killed (SIGKILL)': async ({ world, random }) => {
    const ms = random.between(0, 1500);
    await world.postgres.kill();
    await delay(ms);
    await world.postgres.restart();
    return `away for ${ms} ms and its recovery`;
  },

  'backends terminated': async ({ world, random }) => {
    const share = random.pick([0.3, 0.6, 1]);
    const seed = random.next() * 2 - 1;
    const ended = await world.postgres.as(async (sql) => {
      await sql`select setseed(${seed})`;
      return sql`select pg_terminate_backend(pid) from pg_stat_activity
                 where application_name like 'afterwrite %' and random() < ${share}`;
    });
    return `${ended.length} of them`;
  },

  'database connections cut': async ({ world, random }) => {
    const instance = random.pick(world.instances);
    const ms = random.pick([0, 0, 500, 1500]);
    instance.database.refuse(ms > 0);
    const { connections } = instance.database;
    instance.database.cut();
    await delay(ms);
    instance.database.refuse(false);
    return `${connections} of ${instance.name}, and no new ones for ${ms} ms`;
  },

  'database connections silent': async ({ world, random }) => {
    const instance = random.pick(world.instances);
    const ms = random.between(200, 2000);
    const lost = random.chance(0.5);
    instance.database.hold();
    await delay(ms);
    if (lost) instance.database.cut();
    instance.database.pass();
    return `of ${instance.name} for ${ms} ms, ${lost ? 'then cut' : 'then as before'}`;
  },

  'client connections cut': async ({ world, random }) => {
    const instance = random.pick(world.instances);
    const { connections } = instance.clients;
    instance.clients.cut();
    return `${connections} to ${instance.name}`;
  },

  'queue filled': async (scene) => {
    const { world, random, queueLimit, clock, recorders, giveUp } = scene;
    const instance = await readyOne(world, random);
    const recorder = new Recorder(`burst-${recorders.length + 1}`, clock);
    recorders.push(recorder);
    const sender = new Sender(recorder, random, world.instances);
    const commands = new Commands(random, new Market());
    const wasRefused = () => recorder.records.some((record) => record.is === 'refused' && record.type === 'THROTTLED');
    instance.database.hold();
    const sent = Array.from({ length: queueLimit + 60 }, () =>
      sender.settle(commands.registerCustomer(), { first: instance, signal: giveUp }),
    );
    const end = clock() + FILL_MS;
    while (!wasRefused() && clock() < end) await delay(20);
    instance.database.pass();
    await Promise.all(sent);
    return `${instance.name} with ${sent.length} commands, ${wasRefused() ? 'some' : 'none'} of them throttled`;
  },
} satisfies Record<string, Fault>;

export type FaultKind = keyof typeof FAULTS;
export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[];

/** A server that serves, as soon as there is one. */
async function readyOne({ instances }: World, random: Random): Promise<Instance> {
  await until(() => instances.some(({ isReady }) => isReady), { deadline: READY_MS });
  return random.pick(instances.filter(({ isReady }) => isReady));
}
