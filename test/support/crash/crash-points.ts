import type postgres from 'postgres';
import { expect } from 'vitest';
import { testSeed } from '../random.ts';
import type { Break, CrashPoint, CrashProxy } from './crash-proxy.ts';

/** All that can break, and what dies of it. */
export const CRASHES: readonly (readonly [Break, CrashPoint['dies']])[] = [
  ...(['lost', 'unanswered', 'torn', 'terminated'] as const).map((how) => [how, 'connection'] as const),
  ...(['lost', 'unanswered', 'torn'] as const).map((how) => [how, 'process'] as const),
];

/** A scenario to break, on one database. */
export interface Scenario {
  /** Through which its messages go, and at which it breaks. */
  readonly proxy: CrashProxy;
  /** Arms the proxy, does what is tested, and checks what is left. */
  readonly run: (point: CrashPoint) => Promise<void>;
}

/**
 * For the life of a server. It has hundreds of messages, and most are alike: each of its dozen connections begins with the same
 * ones, and each batch repeats those of the one before. So a run of all ways to break tries a tenth of them. Its seed decides
 * which, and some dozen runs try all.
 */
export const OF_A_LIFE = 70;

export interface Points {
  /**
   * How many messages every run of the scenario has at least: with fewer it does not do what the test is about. Timers, batches and
   * new connections add some, more in one run than in the next, so a run may be over before it comes to a point beyond these.
   */
  readonly messages: number;
  /**
   * Every nth message is tried, unless `CRASH_STEP` says otherwise; by default as many as there are ways to break, so that together
   * these try every message about once. See {@link OF_A_LIFE} for scenarios of hundreds of messages.
   */
  readonly every?: number;
}

/**
 * Counts the messages of a scenario, then runs it once for each point that is tried and expects it to break there.
 *
 * @param scenarios the same on as many databases as there are runs at one time.
 */
export async function breakAtPoints(
  scenarios: readonly Scenario[],
  how: Break,
  dies: CrashPoint['dies'],
  { messages, every = CRASHES.length }: Points,
): Promise<void> {
  const nth = CRASHES.findIndex((crash) => crash[0] === how && crash[1] === dies);
  const points = pointsOf({
    messages: await count(scenarios[0] as Scenario, how, dies, messages),
    step: Math.min(Number(process.env.CRASH_STEP ?? every), messages),
    nth,
    seed: testSeed(),
  });
  const left = [...points];
  const unbroken: string[] = [];
  const ended = await Promise.allSettled(
    scenarios.map(async ({ proxy, run }) => {
      for (let at = left.shift(); at !== undefined; at = left.shift()) {
        const point = { how, dies, at };
        try {
          await run(point);
          if (!proxy.hasBroken && at <= messages) unbroken.push(describe(point));
        } catch (error) {
          left.length = 0;
          throw new Error(`${describe(point)}: ${error instanceof Error ? error.message : error}`, { cause: error });
        }
      }
    }),
  );
  for (const lane of ended) if (lane.status === 'rejected') throw lane.reason;
  expect(unbroken).toEqual([]);
}

/** How many messages there are if nothing breaks. */
async function count({ proxy, run }: Scenario, how: Break, dies: CrashPoint['dies'], atLeast: number): Promise<number> {
  await run({ how, dies, at: Infinity });
  expect(proxy.hasBroken).toBe(false);
  expect(proxy.messages).toBeGreaterThanOrEqual(atLeast);
  return proxy.messages;
}

/** Chooses the messages, counted from 1, at which a scenario breaks in the nth of the {@link CRASHES}. */
export function pointsOf(of: {
  readonly messages: number;
  readonly step: number;
  readonly nth: number;
  readonly seed: number;
}): number[] {
  const { messages, step, nth, seed } = of;
  // Each way to break begins with another message, and the seed of the run decides with which.
  const first = 1 + ((Math.round((nth * step) / CRASHES.length) + seed) % Math.min(step, messages));
  const points: number[] = [];
  for (let at = first; at <= messages; at += step) points.push(at);
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
