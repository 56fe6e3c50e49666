import { sql } from 'drizzle-orm';
import type { Database } from '../database/client.ts';
import {
  engineHistory,
  migratedTo,
  migrationsOf,
  missingOf,
  newestOf,
  recordedIn,
} from '../database/migrations/migration-history.ts';
import { checkLog } from '../kernel/audit/check-log.ts';
import type { EventTypes } from '../kernel/define/event.ts';
import { damagedSnapshots } from '../kernel/log/streams/damaged-snapshots.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** How far ahead of Postgres' clock an event may be, in seconds: less than usual clock corrections. */
const AHEAD_S = 5;
/** A longer log is left to `events check`, which takes more time. */
const MOST_EVENTS = 200_000;
const SHOWN = 5;
/** Snapshots that are checked, the newest first: each is read as a whole. */
const MOST_SNAPSHOTS = 2000;

export interface LogCheck {
  readonly types: EventTypes;
  readonly signal: AbortSignal;
}

/** Whether the database fits this version: migrations, events, and the log itself. */
export async function checkStoredLog(db: Database, { types, signal }: LogCheck): Promise<Finding[]> {
  const [present] = await db.execute<{ there: boolean }>(sql`select to_regclass('es.events') is not null as there`);
  if (!present?.there) return [ok('migrations', 'the database is empty: the first start sets it up')];
  const [has, newest] = [await migratedTo(db, engineHistory), newestOf(engineHistory)];
  if (has > newest) {
    return [
      problem(
        'migrations',
        'the database was migrated by a newer version than this one',
        'Start that version, or restore a backup.',
      ),
    ];
  }
  const missing = missingOf(migrationsOf(engineHistory), await recordedIn(db, engineHistory));
  const findings: Finding[] = [
    missing.length === 0
      ? ok('migrations', 'the database has all migrations of this version')
      : warning(
          'migrations',
          `the database lacks migrations of this version: ${missing.map(({ name }) => name).join(', ')}`,
          'The start applies them, or `cli migrate` does.',
        ),
  ];
  findings.push(...(await checkEventTypes(db, types)), ...(await checkTimes(db)));
  findings.push(...(await checkCheckpoints(db)), ...(await checkParked(db)), await checkSnapshots(db));
  findings.push(await checkWholeness(db, signal));
  return findings;
}

async function checkEventTypes(db: Database, types: EventTypes): Promise<Finding[]> {
  // A loose index scan needs an index on the type; a log has only a handful of types, so reading all is acceptable.
  const rows = await db.execute<{ type: string; version: number; position: number }>(sql`
    select type, max(schema_version)::int as version, min(position) as position from es.events group by type order by type`);
  const found = rows.flatMap(({ type, version, position }) => {
    const known = types[type];
    if (!known) {
      return [
        problem(
          'events',
          `no domain of this version defines ${type} (first at position ${position})`,
          'Deploy the version that defines it.',
        ),
      ];
    }
    if (version <= known.schemaVersion) return [];
    return [
      problem(
        'events',
        `${type} is stored in schema version ${version}, and this version knows ${known.schemaVersion}`,
        'Deploy the newer version, or wait until it has taken over.',
      ),
    ];
  });
  return found.length > 0 ? found : [ok('events', `this version knows all ${rows.length} types of stored events`)];
}

async function checkTimes(db: Database): Promise<Finding[]> {
  const [row] = await db.execute<{ seconds: number | null }>(sql`
    select extract(epoch from recorded_at - clock_timestamp())::float8 as seconds from es.events order by position desc limit 1`);
  const seconds = Number(row?.seconds ?? 0);
  if (seconds <= AHEAD_S) return [ok('time of the log', 'the last event is not in the future')];
  return [
    problem(
      'time of the log',
      `the last event was recorded ${Math.round(seconds)} s in the future`,
      "Postgres' clock was ahead when it was appended. If it is right now, run: cli clock accept.",
    ),
  ];
}

/** A log that is shorter than its consumers' positions has lost events. */
async function checkCheckpoints(db: Database): Promise<Finding[]> {
  const rows = await db.execute<{ name: string; position: number; head: number }>(sql`
    select projection as name, c.position, head.position as head
    from read.checkpoints c, (select coalesce(max(position), 0) as position from es.events) head
    where c.position > head.position order by projection`);
  const [first] = rows;
  if (!first) return [ok('checkpoints', 'nothing has seen more events than there are')];
  const names = rows.map(({ name, position }) => `${name} (${position})`).join(', ');
  return [
    problem(
      'checkpoints',
      `the log ends at ${first.head}, and these have seen later events: ${names}`,
      'It has lost events, as after a failover. See docs/operations.md: stop all servers and run restore-epoch.',
    ),
  ];
}

/** Parked work that waits for corrected code, or for an operator. */
async function checkParked(db: Database): Promise<Finding[]> {
  const [row] = await db.execute<{ items: number; events: number }>(sql`
    select (select count(*)::int from read.parked_items where status = 'PARKED') as items,
           (select count(*)::int from read.dead_letters where status = 'PARKED') as events`);
  const { items = 0, events = 0 } = row ?? {};
  const found: Finding[] = [];
  if (items > 0) {
    found.push(
      warning('parked', `${items} steps of processes or calls are parked`, 'See why, and what to do: cli parked list.'),
    );
  }
  if (events > 0) {
    found.push(
      warning('parked', `${events} events are in dead letters of read models`, 'See why: cli dead-letters list.'),
    );
  }
  return found.length > 0 ? found : [ok('parked', 'no process and no read model has parked anything')];
}

/** Damaged snapshots do no harm: a stream is loaded from its events instead. But something has changed the table. */
async function checkSnapshots(db: Database): Promise<Finding> {
  const { damaged, count, checked } = await damagedSnapshots(db, MOST_SNAPSHOTS);
  if (count === 0) return ok('snapshots', `the ${checked} newest are as they were stored`);
  const names = damaged.map(({ streamType, streamId, version }) => `${streamType}/${streamId} (version ${version})`);
  return warning(
    'snapshots',
    `${count} of the ${checked} newest are damaged, or of a version that stored no hash: ${names.join(', ')}`,
    'They are ignored, and replaced when their streams are loaded. Find out who writes to es.snapshots.',
  );
}

async function checkWholeness(db: Database, signal: AbortSignal): Promise<Finding> {
  const [row] = await db.execute<{ head: number }>(sql`select coalesce(max(position), 0) as head from es.events`);
  const head = Number(row?.head ?? 0);
  if (head > MOST_EVENTS) return ok('log', `${head} events; \`cli events check\` looks at each of them`);
  const damages: string[] = [];
  for await (const { position, reason } of checkLog(db, head, { signal })) {
    if (damages.length < SHOWN) damages.push(`position ${position}: ${reason}`);
  }
  if (damages.length === 0) return ok('log', `all ${head} events are there`);
  return problem('log', damages.join('; '), 'Restore a backup, or find out who changed the log.');
}
