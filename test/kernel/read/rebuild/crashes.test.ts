import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AfterwriteDatabase } from '../../../../src/database/database.ts';
import { Leases } from '../../../../src/kernel/checkpoints/leases/leases.ts';
import { checkpointId } from '../../../../src/kernel/define/checkpoint-id.ts';
import { beginRebuild, cancelRebuild } from '../../../../src/kernel/read/rebuild/begin-rebuild.ts';
import { shadowOf } from '../../../../src/kernel/read/rebuild/shadow.ts';
import { swapIn } from '../../../../src/kernel/read/rebuild/swap.ts';
import { expectWhole, type Lane, untilDone, useLanes } from '../../../support/crash/crash-lane.ts';
import { breakAtPoints, CRASHES, OF_A_LIFE, type Scenario } from '../../../support/crash/crash-points.ts';
import { anAppend, incremented } from '../../../support/kernel/appends.ts';
import { counterDomain, counters } from '../../../support/kernel/counter.ts';
import { until } from '../../../support/until.ts';

const lanes = useLanes(4, counterDomain);
/** The shadow is filled in several batches. */
const options = { projectionBatchLimit: 3 };

beforeAll(async () => {
  for (const { sql, log } of lanes) {
    await sql`create index counters_value on read.counters_v1 (value, id)`;
    const opened = anAppend({ events: [{ type: 'CounterOpened', schemaVersion: 1, data: { label: 'a' } }] });
    const counted = { streamId: opened.streamId, expectedVersion: 1, events: [1, 2, 3].map((by) => incremented(by)) };
    await log.append([opened, anAppend(counted)]);
  }
});

/** The live table is at the end of the log and holds wrong values, which it has until it is replaced. */
async function spoil({ sql, log, forget }: Lane): Promise<void> {
  await forget();
  await sql`drop table if exists read.counters_v1__rebuild`;
  const { position } = await log.head();
  await sql`insert into read.counters_v1 (id, label, value, closed, version, last_position)
            select stream_id, 'a', 999, false, 4, ${position} from es.streams`;
  await sql`insert into read.checkpoints (projection, version, position) values ('counters@1', 1, ${position})`;
}

const begin = ({ owner }: AfterwriteDatabase) => beginRebuild(owner.db, counters);
const cancel = ({ owner }: AfterwriteDatabase) => cancelRebuild(owner.db, counters);
const tableId = async ({ sql }: Lane) => (await sql`select 'read.counters_v1'::regclass::oid::int as oid`)[0]?.oid;
const shadow = async ({ sql }: Lane) => {
  const [table] = await sql`select to_regclass('read.counters_v1__rebuild') is not null as there`;
  const [row] = await sql`select count(*)::int as rows from read.checkpoints where projection = 'counters@1#rebuild'`;
  // Both or none.
  expect(table?.there).toBe(row?.rows === 1);
  return table?.there as boolean;
};
const indexesOf = async ({ sql }: Lane) =>
  (await sql`select indexname, indexdef from pg_indexes where tablename = 'counters_v1' order by 1`).map((row) => ({
    ...row,
  }));

/** Gives the lane's shadow the rows that a rebuild would, and to an instance the right to swap it in. */
async function fill(lane: Lane): Promise<{ owner: string; generation: number }> {
  const { sql, direct } = lane;
  await sql`insert into read.counters_v1__rebuild select id, label, 6, closed, version, last_position from read.counters_v1`;
  await sql`create index on read.counters_v1__rebuild (value, id)`;
  await sql`update read.checkpoints set position = (select max(position) from es.events) where projection = 'counters@1#rebuild'`;
  const owner = randomUUID();
  const held = await new Leases(direct.leases.db).hold(owner, checkpointId('rebuild', 'counters'));
  return { owner, generation: held!.generation };
}

const fillTo = async () => true;
const single = CRASHES.filter(([, dies]) => dies === 'connection');

describe('a step of a rebuild is done whole or not at all, and may be tried again', () => {
  it.each(single)('whichever message of its beginning is %s', async (how, dies) => {
    const runs = lanes.map(
      (lane): Scenario => ({
        proxy: lane.proxy,
        run: async (point) => {
          await spoil(lane);
          await lane.proxy.arm(point);
          await begin(lane.breaking).catch(() => undefined);
          await lane.proxy.mend();
          const isThere = await shadow(lane);
          expect(await begin(lane.direct)).toBe(isThere ? 'joined' : 'begun');
          expect(await shadow(lane)).toBe(true);
        },
      }),
    );
    await breakAtPoints(runs, how, dies, { messages: 60 });
  });

  it.each(single)('whichever message of its cancellation is %s', async (how, dies) => {
    const runs = lanes.map(
      (lane): Scenario => ({
        proxy: lane.proxy,
        run: async (point) => {
          await spoil(lane);
          await begin(lane.direct);
          await lane.proxy.arm(point);
          await cancel(lane.breaking).catch(() => undefined);
          await lane.proxy.mend();
          const isThere = await shadow(lane);
          expect(await cancel(lane.direct)).toBe(isThere);
          expect(await shadow(lane)).toBe(false);
        },
      }),
    );
    await breakAtPoints(runs, how, dies, { messages: 25 });
  });

  it.each(single)('whichever message of the swap is %s', async (how, dies) => {
    const runs = lanes.map(
      (lane): Scenario => ({
        proxy: lane.proxy,
        run: async (point) => {
          await spoil(lane);
          await begin(lane.direct);
          const swap = { shadow: shadowOf(counters, 'rebuild'), ...(await fill(lane)), fillTo };
          const [before, indexes] = [await tableId(lane), await indexesOf(lane)];
          await lane.proxy.arm(point);
          const outcome = await swapIn(lane.breaking.owner.db, swap).catch(() => undefined);
          await lane.proxy.mend();
          const isThere = await shadow(lane);
          expect(isThere).toBe((await tableId(lane)) === before);
          if (outcome) expect([outcome.kind, isThere]).toEqual(['done', false]);
          expect((await swapIn(lane.direct.owner.db, swap)).kind).toBe(isThere ? 'done' : 'lost');
          expect(await indexesOf(lane)).toEqual(indexes);
          await expectWhole(lane, counterDomain);
        },
      }),
    );
    await breakAtPoints(runs, how, dies, { messages: 60 });
  });
});

describe('a rebuild comes to its end', () => {
  it.each(CRASHES)('whichever message is %s from its beginning on, and the %s dies', async (how, dies) => {
    const runs = lanes.map(
      (lane): Scenario => ({
        proxy: lane.proxy,
        run: async (point) => {
          await spoil(lane);
          const [before, indexes] = [await tableId(lane), await indexesOf(lane)];
          await lane.proxy.arm(point);
          const isReplaced = async () => !(await shadow(lane)) && (await tableId(lane)) !== before;
          const work = async (way: AfterwriteDatabase) => {
            const dead = () => way === lane.breaking && point.dies === 'process' && lane.proxy.hasBroken;
            await until(() => dead() || begin(way).catch(() => false));
            const engine = lane.engine(way, options);
            const hasStarted = await engine.start().then(
              () => true,
              () => false,
            );
            await until(async () => dead() || !hasStarted || (await isReplaced()));
            if (await isReplaced()) await untilDone(lane, engine, dead);
            await engine.stop();
          };
          await work(lane.breaking);
          await lane.proxy.mend();
          if (!(await isReplaced())) await work(lane.direct);
          expect(await indexesOf(lane)).toEqual(indexes);
          await expectWhole(lane, counterDomain);
        },
      }),
    );
    await breakAtPoints(runs, how, dies, { messages: 300, every: OF_A_LIFE });
  });
});
