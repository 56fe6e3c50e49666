import type postgres from 'postgres';
import { expect } from 'vitest';
import type { Break, CrashPoint } from './crash-proxy.ts';

/** All that can break, and what dies of it. */
export const CRASHES: readonly (readonly [Break, CrashPoint['dies']])[] = [
  ...(['lost', 'unanswered', 'torn', 'terminated'] as const).map((how) => [how, 'connection'] as const),
  ...(['lost', 'unanswered', 'torn'] as const).map((how) => [how, 'process'] as const),
];

/** Does a scenario with something that breaks; false where it was over before it came to the point. */
export type Run = (point: CrashPoint) => Promise<boolean>;

/** In CI each way to break is tried at every sixth point, beginning with another one. */
const STEP = process.env.CI ? 6 : 1;

/**
 * Runs a scenario once for each point at which it can break, until it has been run without breaking.
 *
 * @param lanes the scenario on as many databases as there are runs at one time.
 * @returns how many points there were at most: one less than the first that it did not come to.
 */
export async function atEveryPoint(
  lanes: readonly Run[],
  how: Break,
  dies: CrashPoint['dies'],
  { first = 1 + (CRASHES.findIndex((each) => each[0] === how) % STEP), step = STEP } = {},
): Promise<number> {
  let next = first;
  let points = Infinity;
  let isOver = false;
  const ended = await Promise.allSettled(
    lanes.map(async (run) => {
      while (!isOver) {
        const point = { how, dies, at: next };
        next += step;
        try {
          if (await run(point)) continue;
          points = Math.min(points, point.at - 1);
          isOver = true;
        } catch (error) {
          isOver = true;
          throw new Error(`${describe(point)}: ${error instanceof Error ? error.message : error}`, { cause: error });
        }
      }
    }),
  );
  for (const lane of ended) if (lane.status === 'rejected') throw lane.reason;
  return points;
}

/** A crash point as a test's failure names it. */
function describe({ how, at, dies }: CrashPoint): string {
  return `message ${at} ${how}, the ${dies} dies`;
}

/** A log's promises, each as a query for what breaks it. */
const promises = {
  'positions are dense': `select position from (select position, row_number() over (order by position) as n from es.events) e where position <> n`,
  'versions of a stream are dense': `select stream_id, version from (
      select stream_id, version, row_number() over (partition by stream_type, stream_id order by position) as n from es.events) e
    where version <> n`,
  'streams are where their events are': `select * from es.streams s full join (
      select stream_type, stream_id, max(version) as newest, max(occurred_at) as latest from es.events group by 1, 2) e using (stream_type, stream_id)
    where s.version is distinct from e.newest or s.occurred_at is distinct from e.latest`,
  'the events of a command stand together and were recorded together': `select command_id from es.events
    group by command_id having max(position) - min(position) + 1 <> count(*) or count(distinct recorded_at) > 1 or count(distinct stream_id) > 1`,
  'a command was accepted once': `select command_id from (
      select command_id from es.events where command_fingerprint is not null union all select command_id from es.receipts) accepted
    group by command_id having count(*) > 1`,
  'no command lacks its end': `select command_id from es.events group by command_id
    having count(command_fingerprint) <> 1 or max(position) <> max(position) filter (where command_fingerprint is not null)`,
  'receipts are where the log was': `select r.command_id from es.receipts r
    where r.version > coalesce((select max(version) from es.events e where e.stream_id = r.stream_id and e.position <= r.position), 0)
       or r.position > (select coalesce(max(position), 0) from es.events)`,
  'time does not go back': `select position from (
      select position, recorded_at, occurred_at, lag(recorded_at) over (order by position) as recorded_before,
             lag(occurred_at) over (partition by stream_type, stream_id order by version) as occurred_before from es.events) e
    where recorded_at < recorded_before or occurred_at < occurred_before or occurred_at > recorded_at`,
  'snapshots are of what there is': `select n.stream_id from es.snapshots n left join es.streams s using (stream_type, stream_id)
    where s.version is null or n.version > s.version`,
} as const;

/** Everything that a log promises holds for this one. */
export async function expectSoundLog(sql: postgres.Sql): Promise<void> {
  const broken = await Promise.all(
    Object.entries(promises).map(async ([promise, query]) => ({ promise, by: [...(await sql.unsafe(query))] })),
  );
  expect(broken.filter(({ by }) => by.length > 0)).toEqual([]);
}
