import { setTimeout as delay } from 'node:timers/promises';
import { Commands, Market } from '../../clients/commands.ts';
import { Sender } from '../../clients/sender.ts';
import { Recorder } from '../../history.ts';
import { type Fault, readyOne } from '../fault.ts';

/** A lease is 5 seconds; an instance that is paused for longer wakes up as an owner whose place is taken. */
const BEYOND_A_LEASE_MS = 6500;
/** A hold this long fills any queue that is not long. */
const FILL_MS = 3000;

/** Harm to the servers' processes. */
export const PROCESS_FAULTS = {
  'instance killed (SIGKILL)': {
    subject: 'instance',
    play: async (scene) => {
      const instance = await readyOne(scene);
      instance.kill();
      return instance.name;
    },
  },

  'instance paused (SIGSTOP)': {
    subject: 'instance',
    play: async (scene) => {
      const instance = await readyOne(scene);
      const ms = BEYOND_A_LEASE_MS + scene.random.between(0, 1500);
      instance.pause();
      await delay(ms);
      instance.resume();
      return `${instance.name} for ${ms} ms`;
    },
  },

  'queue filled': {
    subject: 'queue',
    play: async (scene) => {
      const { world, random, queueLimit, clock, recorders, giveUp } = scene;
      const instance = await readyOne(scene);
      const recorder = new Recorder(`burst-${recorders.length + 1}`, clock);
      recorders.push(recorder);
      const sender = new Sender(recorder, random, world.instances);
      const commands = new Commands(random, new Market());
      const wasRefused = () =>
        recorder.records.some((record) => record.is === 'refused' && record.type === 'THROTTLED');
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
  },
} satisfies Record<string, Fault>;
