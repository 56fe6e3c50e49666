import type { Connections } from '../database/checks/connection-budget.ts';
import type { Database } from '../database/client.ts';
import { openPool, type PoolOptions } from '../database/client.ts';
import { DatabaseError, describeUrl, rootOf } from '../database/errors.ts';
import { answerWithin } from '../database/migrations/migrate.ts';
import { hasTenants, settingsFor } from '../database/tenancy/ensure-tenancy.ts';
import { checkConnections, checkRights } from './access.ts';
import { checkActivity } from './activity.ts';
import { type CheckName, type Finding, ok, problem, warning } from './finding.ts';
import { checkLocale } from './locale.ts';
import { checkStoredLog, type LogCheck } from './log.ts';
import { adviceOnRefusal, checkPooler } from './pooler.ts';
import { checkReplica, checkStandbys } from './replication.ts';
import { checkClock, checkEncryption, checkFitness } from './server.ts';
import { checkDurability, checkServerSettings, checkStoredSettings } from './settings.ts';

/** The oldest Node that is supported. */
const OLDEST_NODE = 24;
/** Time in which the database must answer for the first time, in ms. */
const ANSWER_WITHIN_MS = 15_000;
/** Longest time of one check, in ms. */
const STATEMENT_MS = 30_000;

export interface Examination extends LogCheck {
  readonly url: string;
  /** The URL of the replica from which queries read, if there is one. */
  readonly readUrl?: string | undefined;
  /** Largest difference between the clocks before commands are refused, in ms; 0 for any. */
  readonly clockSkewLimitMs: number;
  readonly connections: Connections;
  /** Whether the settings name a user for each part. */
  readonly hasOwnUrls: boolean;
  readonly nodeVersion?: string | undefined;
  /** Whose log is checked, if tenants share the database. */
  readonly tenant?: string | undefined;
}

/** Checks everything around the application that can be wrong, and changes nothing. */
export async function* examine(request: Examination): AsyncGenerator<Finding> {
  yield checkNode(request.nodeVersion ?? process.versions.node);
  const { url } = request;
  const open = (options: Pick<PoolOptions, 'isPlain' | 'settings'> = {}) =>
    openPool({
      ...{ url, connections: 1, kind: 'any', applicationName: 'afterwrite doctor', prepare: false },
      ...options,
      answerWithinMs: STATEMENT_MS,
    });
  const pools: ReturnType<typeof openPool>[] = [];
  try {
    const pool = open();
    pools.push(pool);
    try {
      await answerWithin(ANSWER_WITHIN_MS, pool.db.execute('select 1'));
    } catch (cause) {
      throw DatabaseError.from(cause, url);
    }
    yield ok('connection', `${describeUrl(url)} answers`);
    const plain = open({ isPlain: true });
    pools.push(plain);
    const { tenant } = request;
    let log = pool;
    if (tenant !== undefined && (await hasTenants(pool.db))) {
      log = open({ settings: await settingsFor(tenant, pool.db) });
      pools.push(log);
    }
    for (const [name, check] of checksOf(request, plain.db, log.db)) {
      request.signal.throwIfAborted();
      yield* await check(pool.db).catch((error) => [unseen(name, error)]);
    }
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    const advice =
      adviceOnRefusal(error.message) ?? 'See the message; nothing else can be checked without a connection.';
    yield problem('connection', error.message, advice);
  } finally {
    await Promise.all(pools.map((pool) => pool.close(1000)));
  }
}

type NamedCheck = readonly [check: CheckName, look: (db: Database) => Promise<Finding[]>];

function checksOf(request: Examination, plain: Database, log: Database): readonly NamedCheck[] {
  const { url, readUrl, connections, hasOwnUrls, clockSkewLimitMs } = request;
  return [
    ['server', checkFitness],
    ['locale', checkLocale],
    ['encryption', (on) => checkEncryption(on, url)],
    ['settings', checkStoredSettings],
    ['settings', () => checkServerSettings(plain)],
    ['rights', (on) => checkRights(on, hasOwnUrls)],
    ['connections', (on) => checkConnections(on, connections, hasOwnUrls)],
    ['pooler', () => checkPooler(url)],
    ['clock', (on) => checkClock(on, clockSkewLimitMs)],
    ['durability', checkDurability],
    ['standbys', checkStandbys],
    ...(readUrl === undefined ? [] : [['replica', (on) => checkReplica(on, readUrl)] as NamedCheck]),
    ['activity', (on) => checkActivity(on)],
    ['log', () => checkStoredLog(log, request)],
  ];
}

function checkNode(version: string): Finding {
  const isNewEnough = Number.parseInt(version, 10) >= OLDEST_NODE;
  return isNewEnough
    ? ok('node', `Node ${version}`)
    : problem('node', `Node ${version} is too old`, `Install Node ${OLDEST_NODE} or newer.`);
}

/** A check that fails says nothing about its subject. */
function unseen(check: CheckName, error: unknown): Finding {
  return warning(
    check,
    `it cannot be seen (${rootOf(error).message})`,
    'Run it as a user who may see it, or look by hand.',
  );
}
