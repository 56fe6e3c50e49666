import { setTimeout as delay } from 'node:timers/promises';
import { connect } from '../../../../src/database/session.ts';
import { expectService } from '../expectations.ts';
import { type Fault, namesOf, readyOne, type Scene, someInstances } from '../fault.ts';
import { drawSettings, type HostileSetting, take, takeBack } from './hostile-settings.ts';

/** How long hostile settings are in force before the servers are checked, in ms. */
const HOSTILE_MS = { least: 1000, most: 3000 };
/** How long new connections land on the standby, in ms. */
const ASTRAY_MS = { least: 2000, most: 6000 };

/** Harm to Postgres, and to what is set there. */
export const POSTGRES_FAULTS = {
  'Postgres killed (SIGKILL)': {
    subject: 'Postgres',
    play: async ({ world, random }) => {
      const ms = random.between(0, 1500);
      await world.postgres.kill();
      await delay(ms);
      await world.postgres.restart();
      return `away for ${ms} ms and its recovery`;
    },
  },

  'backends terminated': {
    subject: 'Postgres',
    play: async (scene) => {
      const share = scene.random.pick([0.3, 0.6, 1]);
      return `${await terminateBackends(scene, share)} of them`;
    },
  },

  // Replication is synchronous, so that the standby has everything that was acknowledged.
  'standby promoted': {
    subject: 'Postgres',
    play: async (scene) => {
      const { world, random } = scene;
      const ms = random.between(300, 1500);
      await world.postgres.withStandby(async (standby) => {
        await standby.synchronize(world.postgres);
        await delay(ms);
        await world.postgres.failOver(standby);
      });
      await expectService(scene, world.instances, 'standby promoted');
      return `${ms} ms after it had become synchronous`;
    },
  },

  // A host name leads to the wrong server for a while. The connections that land there are not broken afterwards.
  'connections land on a standby': {
    subject: 'Postgres',
    play: async (scene) => {
      const { world, random } = scene;
      const instances = someInstances(scene);
      const ms = random.between(ASTRAY_MS.least, ASTRAY_MS.most);
      await world.postgres.withStandby(async ({ server }) => {
        const address = { host: '127.0.0.1', port: Number(new URL(server.url).port) };
        for (const { database } of instances) {
          database.leadTo(address);
          database.cut();
        }
        await delay(ms);
        for (const { database } of instances) database.leadTo(undefined);
        await expectService(scene, instances, 'connections land on a standby');
      });
      return `those of ${namesOf(instances)}, for ${ms} ms`;
    },
  },

  // A dump, or a forgotten BEGIN: no row version that was replaced since is cleaned up.
  'snapshot held': {
    subject: 'snapshot',
    play: async ({ world, atEnd }) => {
      const sql = connect({ url: world.postgres.url.href, applicationName: 'faults snapshot' }, { max: 1 });
      const done = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<void>();
      const held = sql
        .begin('isolation level repeatable read read only', async (transaction) => {
          await transaction`select count(*) from es.events`;
          begun.resolve();
          await done.promise;
        })
        // It ends with the Postgres that it is on.
        .catch(() => undefined)
        .finally(begun.resolve);
      await begun.promise;
      atEnd.push(async () => {
        done.resolve();
        await held;
        await sql.end({ timeout: 1 });
      });
      return 'until the end, or that of its Postgres';
    },
  },

  'hostile settings': {
    subject: 'Postgres',
    play: async (scene) => {
      const { world, random } = scene;
      const settings = await world.postgres.as((sql) => drawSettings(sql, random));
      await world.postgres.as((sql) => take(sql, settings));
      try {
        await renewSessions(scene);
        await delay(random.between(HOSTILE_MS.least, HOSTILE_MS.most));
        await expectService(scene, world.instances, `hostile settings (${wordsOf(settings)})`);
      } finally {
        await world.postgres.as((sql) => takeBack(sql, settings));
      }
      await renewSessions(scene);
      return wordsOf(settings);
    },
  },
} satisfies Record<string, Fault>;

/** A server that starts, or one that runs on and loses its connections: both find what is set now. */
async function renewSessions(scene: Scene): Promise<void> {
  if (scene.random.chance(0.5)) (await readyOne(scene)).kill();
  await terminateBackends(scene, 1);
}

async function terminateBackends({ world, random }: Scene, share: number): Promise<number> {
  const seed = random.next() * 2 - 1;
  return world.postgres.as(async (sql) => {
    await sql`select setseed(${seed})`;
    const ended = await sql`select pg_terminate_backend(pid) from pg_stat_activity
                            where application_name like 'afterwrite %' and random() < ${share}`;
    return ended.length;
  });
}

function wordsOf(settings: readonly HostileSetting[]): string {
  return settings.map(({ name, value, of }) => `${name} = '${value}' of ${of.kind}`).join(', ');
}
