import { setTimeout as delay } from 'node:timers/promises';
import { expectNotReady, expectService } from '../expectations.ts';
import { type Fault, namesOf, someInstances } from '../fault.ts';

/** Harm to connections. */
export const CONNECTION_FAULTS = {
  'client connections cut': {
    subject: 'links',
    play: async ({ world, random }) => {
      const instance = random.pick(world.instances);
      const { connections } = instance.clients;
      instance.clients.cut();
      return `${connections} to ${instance.name}`;
    },
  },

  'database connections cut': {
    subject: 'links',
    play: async ({ world, random }) => {
      const instance = random.pick(world.instances);
      const ms = random.pick([0, 0, 500, 1500]);
      instance.database.refuse(ms > 0);
      const { connections } = instance.database;
      instance.database.cut();
      await delay(ms);
      instance.database.refuse(false);
      return `${connections} of ${instance.name}, and no new ones for ${ms} ms`;
    },
  },

  'database answers late': {
    subject: 'links',
    play: async ({ world, random }) => {
      const instance = random.pick(world.instances);
      const ms = random.between(200, 2000);
      const lost = random.chance(0.5);
      instance.database.hold();
      await delay(ms);
      if (lost) instance.database.cut();
      instance.database.pass();
      return `for ${instance.name} by ${ms} ms, ${lost ? 'then cut' : 'then as before'}`;
    },
  },

  // The connections that there are stay open for ever, and new ones work: the servers serve again by themselves.
  'open database connections silent': {
    subject: 'silence',
    play: async (scene) => {
      const instances = someInstances(scene);
      const count = instances.reduce((sum, { database }) => sum + database.connections, 0);
      for (const { database } of instances) database.silence();
      await expectService(scene, instances, 'open database connections silent');
      for (const { database } of instances) database.cutSilent();
      return `${count} of ${namesOf(instances)}`;
    },
  },

  // New connections are silent too: a server cannot do its work, and says so.
  'database silent': {
    subject: 'silence',
    play: async (scene) => {
      const instances = someInstances(scene);
      const from = scene.clock();
      for (const { database } of instances) {
        database.swallow(true);
        database.silence();
      }
      await expectNotReady(scene, instances, 'database silent');
      await delay(scene.random.between(0, 3000));
      const ms = Math.round(scene.clock() - from);
      for (const { database } of instances) database.swallow(false);
      await expectService(scene, instances, 'database silent');
      for (const { database } of instances) database.cutSilent();
      return `for ${namesOf(instances)}, ${ms} ms`;
    },
  },
} satisfies Record<string, Fault>;
