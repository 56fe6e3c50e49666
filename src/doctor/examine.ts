import type { Database } from '../database/client.ts';
import { openPool } from '../database/client.ts';
import type { Connections } from '../database/connection-budget.ts';
import { DatabaseError, describeUrl, rootOf } from '../database/errors.ts';
import { answerWithin } from '../database/migrate.ts';
import { checkConnections, checkRights } from './access.ts';
import { checkActivity } from './activity.ts';
import { type Check, type Finding, ok, problem, warning } from './finding.ts';
import { checkStoredLog, type LogCheck } from './log.ts';
import { checkClock, checkDurability, checkFitness, checkPooler, checkStoredSettings } from './server.ts';

/** The oldest Node that is supported. */
const OLDEST_NODE = 24;
/** Time in which the database must answer for the first time, in ms. */
const ANSWER_WITHIN_MS = 15_000;
/** Longest time of one check, in ms. */
const STATEMENT_MS = 30_000;

export interface Examination extends LogCheck {
  readonly url: string;
  readonly connections: Connections;
  /** Whether the settings name a user for each part. */
  readonly hasOwnUrls: boolean;
  readonly nodeVersion?: string | undefined;
}

/** Checks everything around the application that can be wrong, and changes nothing. */
export async function* examine(request: Examination): AsyncGenerator<Finding> {
  yield checkNode(request.nodeVersion ?? process.versions.node);
  const { url, connections, hasOwnUrls } = request;
  let pool: ReturnType<typeof openPool> | undefined;
  try {
    pool = openPool({
      ...{ url, connections: 1, kind: 'any', applicationName: 'afterwrite doctor', prepare: false },
      answerWithinMs: STATEMENT_MS,
    });
    const { db } = pool;
    try {
      await answerWithin(ANSWER_WITHIN_MS, db.execute('select 1'));
    } catch (cause) {
      throw DatabaseError.from(cause, url);
    }
    yield ok('connection', `${describeUrl(url)} answers`);
    const checks: readonly [Check, (db: Database) => Promise<Finding[]>][] = [
      ['server', checkFitness],
      ['settings', checkStoredSettings],
      ['rights', (on) => checkRights(on, hasOwnUrls)],
      ['connections', (on) => checkConnections(on, connections, false)],
      ['pooler', checkPooler],
      ['clock', checkClock],
      ['durability', checkDurability],
      ['activity', checkActivity],
      ['log', (on) => checkStoredLog(on, request)],
    ];
    for (const [name, check] of checks) {
      request.signal.throwIfAborted();
      yield* await check(db).catch((error) => [unseen(name, error)]);
    }
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    yield problem('connection', error.message, 'See the message; nothing else can be checked without a connection.');
  } finally {
    await pool?.close(1000);
  }
}

function checkNode(version: string): Finding {
  const isNewEnough = Number.parseInt(version, 10) >= OLDEST_NODE;
  return isNewEnough
    ? ok('node', `Node ${version}`)
    : problem('node', `Node ${version} is too old`, `Install Node ${OLDEST_NODE} or newer.`);
}

/** A check that fails says nothing about its subject. */
function unseen(check: Check, error: unknown): Finding {
  return warning(
    check,
    `it cannot be seen (${rootOf(error).message})`,
    'Run it as a user who may see it, or look by hand.',
  );
}
