import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { type Backoff, backoffMs } from '../../scheduling/backoff.ts';
import { pause } from '../../scheduling/sleeper.ts';

/**
 * Identifies one run of one process: its pid and start time, so that a later process with the same pid is not mistaken
 * for it. `undefined` if no such process is alive (a zombie counts as dead: nobody may ever reap it).
 */
export function processIdentity(pid: number): string | undefined {
  const started = hasProc() ? startFromProc(pid) : startFromPs(pid);
  return started === undefined ? undefined : `${pid}:${started}`;
}

/** Whether the process that {@link processIdentity} named is still running. */
export function isAlive(identity: string): boolean {
  const pid = Number.parseInt(identity, 10);
  return Number.isInteger(pid) && pid > 0 && processIdentity(pid) === identity;
}

/** The identity of this process. */
export function ownIdentity(): string {
  return processIdentity(process.pid) ?? `${process.pid}:unknown`;
}

/** Whether `pid` is the postmaster of the cluster in `folder`, and not another process that got its old pid. */
export function isPostmasterOf(pid: number, folder: string): boolean {
  if (processIdentity(pid) === undefined) return false;
  const words = commandWords(pid);
  if (words === undefined || !basename(words[0] ?? '').startsWith('postgres')) return false;
  // A postmaster works inside its cluster. If /proc/<pid>/cwd cannot be read, its option -D shows the folder.
  const option = words.indexOf('-D');
  return isSameFolder(`/proc/${pid}/cwd`, folder) || isSameFolder(words[option + 1] ?? '', folder);
}

/** A process usually starts or ends within milliseconds. Some callers read files or ask Postgres each time. */
const ASK_AGAIN: Backoff = { firstMs: 5, maxMs: 100, factor: 1.5 };

/**
 * Asks `probe` every few milliseconds until it gives something other than `undefined`.
 * @returns its answer, or `undefined` when `milliseconds` have passed.
 */
export async function pollUntil<T>(
  milliseconds: number,
  probe: () => T | undefined | Promise<T | undefined>,
): Promise<T | undefined> {
  const deadline = performance.now() + milliseconds;
  for (let attempt = 1; ; attempt++) {
    const answer = await probe();
    if (answer !== undefined || performance.now() >= deadline) return answer;
    await pause(backoffMs(attempt, ASK_AGAIN));
  }
}

function hasProc(): boolean {
  return read('/proc/self/stat') !== undefined;
}

function startFromProc(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the program's name in parentheses and may contain anything; the fields after the last ')' are
  // plain.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  // The start time counts from the boot, so the boot id is part of the identity.
  return `${fields[19]}@${read('/proc/sys/kernel/random/boot_id')?.trim() ?? ''}`;
}

function startFromPs(pid: number): string | undefined {
  const line = ps(pid, 'stat=,lstart=');
  if (line === undefined || line.startsWith('Z')) return undefined;
  return line.replace(/^\S+\s+/, '').replaceAll(/\s+/g, '_');
}

function commandWords(pid: number): string[] | undefined {
  return hasProc() ? read(`/proc/${pid}/cmdline`)?.split('\0') : ps(pid, 'command=')?.split(' ');
}

function ps(pid: number, columns: string): string | undefined {
  try {
    const options = { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' }, stdio: 'pipe' } as const;
    return execFileSync('ps', ['-o', columns, '-p', String(pid)], options).trim() || undefined;
  } catch {
    return undefined;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function isSameFolder(one: string, other: string): boolean {
  try {
    const a = statSync(one, { bigint: true });
    const b = statSync(other, { bigint: true });
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}
