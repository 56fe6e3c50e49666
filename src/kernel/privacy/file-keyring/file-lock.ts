import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { backoffMs } from '../../../scheduling/backoff.ts';
import { pause } from '../../../scheduling/sleeper.ts';
import { wallTime } from '../../clock/wall-clock.ts';

/** How long to wait for another process that has the lock, in ms. A change takes a few. */
const WAIT_MS = 10_000;
/** A lock that is older was left behind by a process that has died, in ms. */
const STALE_MS = 30_000;
const AGAIN = { firstMs: 10, maxMs: 200, jitter: 0.5 };

/**
 * A lock that one process has at a time: a file `PATH.lock`, whose content says which one. If a process dies, others take its lock
 * over after 30 s. If it was only paused for that long, {@link isHeld} tells it so.
 */
export class FileLock {
  readonly #path: string;
  readonly #token: string;

  private constructor(path: string, token: string) {
    this.#path = path;
    this.#token = token;
  }

  /**
   * Waits for the lock of a file for up to 10 s.
   * @returns undefined if another process has it all the time.
   * @throws the error of the file system if the lock cannot be written.
   */
  static async take(file: string): Promise<FileLock | undefined> {
    const path = `${file}.lock`;
    const token = randomUUID();
    const until = performance.now() + WAIT_MS;
    for (let attempt = 1; ; attempt++) {
      if (await create(path, token)) return new FileLock(path, token);
      if (!(await removeStale(path)) && performance.now() > until) return undefined;
      await pause(backoffMs(attempt, AGAIN));
    }
  }

  /** False if another process has taken it over. */
  async isHeld(): Promise<boolean> {
    return (await readFile(this.#path, 'utf8').catch(() => undefined)) === this.#token;
  }

  /** Gives it back. If another process has taken it over, it stays that one's. */
  async release(): Promise<void> {
    if (await this.isHeld()) await rm(this.#path, { force: true });
  }
}

/** @returns false if there is one already. */
async function create(path: string, token: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx', 0o600);
    await handle.writeFile(token).finally(() => handle.close());
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes a lock that a process has left behind. Several may find the same one: it is moved to a name of its own first, and
 * whoever has moved the lock that somebody took meanwhile puts that back.
 * @returns false if there is none.
 */
async function removeStale(path: string): Promise<boolean> {
  const seen = await lookAt(path);
  if (!seen || wallTime() - seen.mtimeMs <= STALE_MS) return false;
  const moved = `${path}.${randomUUID()}`;
  try {
    await rename(path, moved);
  } catch {
    return false;
  }
  const found = await lookAt(moved);
  const isSame = found?.ino === seen.ino && found.mtimeMs === seen.mtimeMs;
  if (!isSame) await link(moved, path).catch(() => undefined);
  await rm(moved, { force: true });
  return isSame;
}

async function lookAt(path: string): Promise<{ readonly ino: number; readonly mtimeMs: number } | undefined> {
  return stat(path).catch(() => undefined);
}
