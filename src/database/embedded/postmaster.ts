import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pause } from '../../scheduling/sleeper.ts';
import type { DatabaseObserver } from '../occurrences.ts';
import { EmbeddedPostgresError, errorCode } from './errors.ts';
import type { PostgresLog } from './postgres-log.ts';
import { commandAs, type RootAccess } from './privileges.ts';
import { isPostmasterOf, pollUntil, processIdentity } from './processes.ts';
import { postmasterArguments } from './settings.ts';

/** After a crash Postgres first replays up to max_wal_size of its log. */
const READY_MS = 10 * 60_000;
const FAST_STOP_MS = 60_000;
const IMMEDIATE_STOP_MS = 15_000;
const PORT_ATTEMPTS = 5;

/** A running Postgres server. */
export interface Postmaster {
  pid: number;
  port: number;
}

/** Parameters of a start. */
export interface StartOrder {
  folder: string;
  access: RootAccess;
  settings: Record<string, string>;
  log: PostgresLog;
  /** Milliseconds to wait for the processes that a killed Postgres left. */
  orphanPatience: number;
  observer: DatabaseObserver;
}

/**
 * The Postgres that runs on the cluster, ready or starting; `undefined` if there is none. Waits for one that is
 * shutting down. A postmaster.pid whose number now belongs to another program is removed, because Postgres would refuse
 * to start.
 */
export async function findPostmaster(folder: string): Promise<{ pid: number } | undefined> {
  const state = await readState(folder);
  if (state === undefined) return undefined;
  if (!isPostmasterOf(state.pid, folder)) {
    if (processIdentity(state.pid) !== undefined) await rm(join(folder, 'postmaster.pid'), { force: true });
    else if (isThere(state.pid)) await disown(folder, state.pid);
    return undefined;
  }
  if (state.status !== 'stopping') return { pid: state.pid };
  await stopPostmaster(state.pid, folder);
  return undefined;
}

/**
 * Waits until the Postgres with this pid takes connections.
 * @returns `undefined` when it ended before.
 * @throws EmbeddedPostgresError `start_timeout`.
 */
export async function awaitReady(pid: number, folder: string): Promise<Postmaster | undefined> {
  const identity = processIdentity(pid);
  const outcome = await pollUntil(READY_MS, async () => {
    if (identity === undefined || processIdentity(pid) !== identity) return 'ended';
    const state = await readState(folder);
    return state?.pid === pid && state.status === 'ready' ? { pid, port: state.port } : undefined;
  });
  if (outcome === 'ended') return undefined;
  if (outcome !== undefined) return outcome;
  throw new EmbeddedPostgresError(
    'start_timeout',
    `Postgres (process ${pid}) on ${folder} is still not ready after ${READY_MS / 60_000} minutes: see postgres.log.`,
  );
}

/**
 * Starts Postgres in a session of its own, so that it outlives this process and the terminal's Ctrl-C, and waits until
 * it takes connections.
 * @throws EmbeddedPostgresError `start_failed`, `start_timeout` or `orphans_remain`.
 */
export async function startPostmaster(order: StartOrder): Promise<Postmaster> {
  await order.log.rotate();
  const orphanDeadline = performance.now() + order.orphanPatience;
  let ports = 0;
  let waiting = false;
  for (;;) {
    const offset = await order.log.size();
    const started = await tryToStart(order);
    if (started !== undefined) return started;
    const output = await order.log.since(offset);
    if (/Address already in use/i.test(output) && ++ports < PORT_ATTEMPTS) continue;
    // A starter that was killed may have left a Postgres that had not written its pid yet when we checked.
    const other = await findPostmaster(order.folder);
    const ready = other && (await awaitReady(other.pid, order.folder));
    if (ready !== undefined) return ready;
    if (!/pre-existing shared memory block/i.test(output)) throw failed(output);
    if (performance.now() > orphanDeadline) throw orphansRemain(order, output);
    if (!waiting) {
      const step = 'waiting for the processes of a Postgres that was killed to end';
      order.observer.tell('postgresStepBegun', { step });
    }
    waiting = true;
    await pause(250);
  }
}

/**
 * Stops Postgres fast: sessions are ended, everything is written to disk. After a minute it is ended without writing,
 * and the next start recovers from the write-ahead log.
 * @throws EmbeddedPostgresError `stop_failed` when it does not even end then.
 */
export async function stopPostmaster(pid: number, folder: string): Promise<void> {
  const stops: [NodeJS.Signals, number][] = [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MS],
  ];
  for (const [signal, patience] of stops) {
    if (!isPostmasterOf(pid, folder)) return;
    signalProcess(pid, signal);
    const gone = await pollUntil(patience, () => (isPostmasterOf(pid, folder) ? undefined : true));
    if (gone) return;
  }
  throw new EmbeddedPostgresError('stop_failed', `Postgres (process ${pid}) on ${folder} does not stop.`);
}

async function tryToStart(order: StartOrder): Promise<Postmaster | undefined> {
  const { binaries, identity } = order.access;
  const words = postmasterArguments(order.folder, await freePort(), order.settings);
  const { file, args, options } = commandAs(identity, [binaries.postgres, ...words]);
  const log = await order.log.open();
  let child: ChildProcess;
  try {
    child = spawn(file, args, { ...options, cwd: '/', detached: true, stdio: ['ignore', log.fd, log.fd] });
    await once(child, 'spawn');
  } catch (error) {
    throw new EmbeddedPostgresError('start_failed', `Postgres can not be run: ${String(error)}.`, { cause: error });
  } finally {
    await log.close();
  }
  child.unref();
  if (child.pid === undefined) return undefined;
  return awaitReady(child.pid, order.folder);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the system gave no free port');
  return address.port;
}

/** Lines of postmaster.pid: pid, folder, start, port, socket folder, address, shared memory, status. */
async function readState(folder: string): Promise<{ pid: number; port: number; status: string } | undefined> {
  const text = await readFile(join(folder, 'postmaster.pid'), 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, port: Number(lines[3]), status: lines[7]?.trim() ?? '' };
}

/** A pid above any that Linux or macOS assigns. */
const NOBODY = 2 ** 31 - 2;

/** Also true for a zombie, a process that has ended but that its parent has not waited for. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

/**
 * A postmaster that was killed in a container without an init stays in the process table, and Postgres would consider
 * it alive. The file is kept, because it also names the shared memory that its orphans may still use.
 */
async function disown(folder: string, pid: number): Promise<void> {
  const file = join(folder, 'postmaster.pid');
  const text = await readFile(file, 'utf8');
  if (text.startsWith(`${pid}\n`)) await writeFile(file, text.replace(`${pid}\n`, `${NOBODY}\n`));
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return;
    throw new EmbeddedPostgresError('stop_failed', `Postgres (process ${pid}) may not be stopped by this user.`, {
      cause: error,
    });
  }
}

function lastLines(output: string): string {
  return output.trim().split('\n').slice(-8).join('\n') || '(it wrote nothing)';
}

function failed(output: string): EmbeddedPostgresError {
  const full = /No space left on device/i.test(output);
  return new EmbeddedPostgresError(
    full ? 'no_space' : 'start_failed',
    `Postgres ended while starting${full ? ', because there is no space left' : ''}. Its last output:\n${lastLines(output)}`,
  );
}

function orphansRemain(order: StartOrder, output: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'orphans_remain',
    `Processes of a Postgres that was killed still use ${order.folder}; end them first. Postgres says:\n${lastLines(output)}`,
  );
}
