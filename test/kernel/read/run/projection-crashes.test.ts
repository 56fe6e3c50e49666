import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { beforeAll, describe, it } from 'vitest';
import { newInstanceId } from '../../../../src/kernel/checkpoints/leases/instance-id.ts';
import { expectWhole, type Lane, untilDone, useLanes } from '../../../support/crash/crash-lane.ts';
import { breakAtPoints, CRASHES, OF_A_LIFE, type Scenario } from '../../../support/crash/crash-points.ts';
import type { CrashPoint } from '../../../support/crash/crash-proxy.ts';
import { Burned, libraryAppends, libraryDomain, Read, Renamed, Written } from '../../../support/kernel/library.ts';

/** Changes of rows: create, update, update by a column's value, remove, and create again. */
function aFewBooks() {
  const [one, two, three] = [randomUUID(), randomUUID(), randomUUID()];
  const [ann, bob] = [randomUUID(), randomUUID()];
  return libraryAppends([
    [one, Written({ title: 'One', author: ann, tags: ['x'] })],
    [two, Written({ title: 'Two', author: ann, tags: [] })],
    [one, Read({ reader: 'cid', pages: 1 })],
    [three, Written({ title: 'Three', author: bob, tags: [] })],
    [two, Renamed({ from: ann, to: bob })],
    [three, Read({ reader: 'cid', pages: 2 })],
    [two, Burned({})],
    [one, Read({ reader: 'dan', pages: 3 })],
    [two, Written({ title: 'Two again', author: null, tags: ['y'] })],
    [three, Renamed({ from: bob, to: 'eve' })],
  ]);
}
/** The events are several batches. */
const options = { projectionBatchLimit: 4 };

const lanes = useLanes(4, libraryDomain);
beforeAll(async () => {
  for (const lane of lanes) await lane.log.append(aFewBooks());
});

/** Leaves them as a process does that is killed in the middle of its work. */
async function ownedByTheDead({ sql }: Lane): Promise<void> {
  const process = `${hostname()}:4194303`;
  for (const { checkpoint } of libraryDomain.projections) {
    await sql`insert into read.checkpoints (projection, version, owner, owner_process, lease_until)
              values (${checkpoint.key}, 1, ${newInstanceId()}, ${process}, now() + interval '1 minute')`;
  }
}

/** Starts a server on the way that breaks and lets it come to the end of the log, unless it is gone before; then it stops. */
async function live(lane: Lane, { dies }: CrashPoint, meanwhile: () => Promise<unknown> = async () => {}) {
  const engine = lane.engine(lane.breaking, options);
  const hasStarted = await engine.start().then(
    () => true,
    () => false,
  );
  const isGone = () => !hasStarted || (dies === 'process' && lane.proxy.hasBroken);
  await meanwhile();
  await untilDone(lane, engine, isGone);
  await engine.stop();
  await lane.proxy.mend();
  return isGone();
}

describe('projections come to the end of the log with the rows of a fold from scratch', () => {
  it.each(CRASHES)(
    'whichever message of a server is %s and the %s dies, which begins with them or takes over from one that was killed',
    async (how, dies) => {
      const runs = lanes.map(
        (lane): Scenario => ({
          proxy: lane.proxy,
          run: async (point) => {
            await lane.forget();
            if (point.at % 2 === 0) await ownedByTheDead(lane);
            await lane.proxy.arm(point);
            const isGone = await live(lane, point);
            if (isGone) {
              const fresh = lane.engine(lane.direct, options);
              await fresh.start();
              await untilDone(lane, fresh, () => false);
              await fresh.stop();
            }
            await expectWhole(lane, libraryDomain);
          },
        }),
      );
      await breakAtPoints(runs, how, dies, { messages: 100, every: OF_A_LIFE });
    },
  );

  it.each(CRASHES)('whichever message of one of two servers is %s and the %s dies', async (how, dies) => {
    const runs = lanes.map(async (lane): Promise<Scenario> => {
      const steady = lane.engine(lane.direct, options);
      lane.onEnd(() => steady.stop());
      await steady.start();
      const run: Scenario['run'] = async (point) => {
        await lane.proxy.arm(point);
        await live(lane, point, () => lane.log.append(aFewBooks()));
        await untilDone(lane, steady, () => false);
        await expectWhole(lane, libraryDomain);
      };
      return { proxy: lane.proxy, run };
    });
    await breakAtPoints(await Promise.all(runs), how, dies, { messages: 100, every: OF_A_LIFE });
  });

  it.each(CRASHES.filter(([, dies]) => dies === 'connection'))(
    'whichever message of a batch is %s',
    async (how, dies) => {
      const runs = lanes.map(async (lane): Promise<Scenario> => {
        // The last scenario may have left broken connections.
        await lane.proxy.arm({ how, dies, at: Infinity });
        const engine = lane.engine(lane.breaking, options);
        lane.onEnd(() => engine.stop());
        await engine.start();
        const run: Scenario['run'] = async (point) => {
          lane.proxy.rearm(point);
          await lane.log.append(aFewBooks());
          await engine.projector.refreshHead().catch(() => undefined);
          await untilDone(lane, engine, () => false);
          await lane.proxy.mend();
          await expectWhole(lane, libraryDomain);
        };
        return { proxy: lane.proxy, run };
      });
      await breakAtPoints(await Promise.all(runs), how, dies, { messages: 40 });
    },
  );
});
