import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, open, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Binaries } from './binaries.ts';
import { EmbeddedPostgresError, errorCode } from './errors.ts';
import { commandAs, prepareAccess, type RootAccess, type RootWay } from './privileges.ts';

const execute = promisify(execFile);
const HALF_MADE = 'initdb-';

/** The name of Postgres's superuser and of the database. */
export const NAME = 'afterwrite';

/** Where the cluster is in a data folder. */
export function clusterFolder(dataDir: string): string {
  return join(dataDir, 'postgres');
}

/**
 * Whether there is a cluster that these programs can run.
 * @throws EmbeddedPostgresError `other_major_version` or `not_a_cluster`.
 */
export async function clusterExists(dataDir: string, major: number): Promise<boolean> {
  const folder = clusterFolder(dataDir);
  const version = await readOrNothing(join(folder, 'PG_VERSION'));
  if (version === undefined) {
    await rmdir(folder).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return;
      throw new EmbeddedPostgresError(
        'not_a_cluster',
        `${folder} holds something other than a Postgres cluster: move it away, or set DATA_DIR to another folder.`,
      );
    });
    return false;
  }
  if (Number(version) === major) return true;
  throw new EmbeddedPostgresError(
    'other_major_version',
    `The database in ${folder} was made by Postgres ${version.trim()}, and this is Postgres ${major}: ` +
      'dump it with the old version and restore it here, or set DATA_DIR to another folder.',
  );
}

/**
 * Creates the cluster. A rename makes it appear complete and at once, so a process that is killed on the way leaves
 * nothing that could be mistaken for a cluster (see {@link removeHalfMade}).
 * @throws EmbeddedPostgresError `no_space` or `initdb_failed`, and those of {@link prepareAccess}.
 */
export async function createCluster(
  dataDir: string,
  binaries: Binaries,
  rootWays: readonly RootWay[],
  durable: boolean,
): Promise<void> {
  const password = await makePassword(dataDir);
  const workshop = await mkdtemp(join(dataDir, HALF_MADE));
  try {
    const access = await prepareAccess(workshop, dataDir, binaries, rootWays);
    const cluster = join(workshop, 'cluster');
    const passwordFile = join(workshop, 'password');
    await mkdir(cluster, { mode: 0o700 });
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (access.identity.user !== undefined) {
      const { uid, gid } = access.identity.user;
      await chown(cluster, uid, gid);
      await chown(passwordFile, uid, gid);
    }
    await runInitdb(access, cluster, passwordFile, durable);
    await rename(cluster, clusterFolder(dataDir));
    if (durable) await syncFolder(dataDir);
  } finally {
    await removeQuietly(workshop);
  }
}

/**
 * The password of the superuser.
 * @throws EmbeddedPostgresError `password_missing`.
 */
export async function readPassword(dataDir: string): Promise<string> {
  const file = join(dataDir, 'password');
  const password = (await readOrNothing(file))?.trim();
  if (password !== undefined && password !== '') return password;
  throw new EmbeddedPostgresError(
    'password_missing',
    `The database's password is gone from ${file}: restore that file, which belongs to ${clusterFolder(dataDir)}.`,
  );
}

async function makePassword(dataDir: string): Promise<string> {
  const file = join(dataDir, 'password');
  const kept = (await readOrNothing(file))?.trim();
  if (kept !== undefined && kept !== '') return kept;
  const password = randomBytes(24).toString('hex');
  await writeFile(`${file}.new`, `${password}\n`, { mode: 0o600, flush: true });
  await rename(`${file}.new`, file);
  return password;
}

async function runInitdb(access: RootAccess, cluster: string, passwordFile: string, durable: boolean): Promise<void> {
  const { file, args, options } = commandAs(access.identity, [
    access.binaries.initdb,
    ...['--pgdata', cluster, '--username', NAME, '--pwfile', passwordFile, '--auth', 'scram-sha-256'],
    ...['--encoding', 'UTF8', '--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'],
    ...['--no-instructions', ...(durable ? [] : ['--no-sync'])],
  ]);
  try {
    await execute(file, args, { ...options, cwd: '/' });
  } catch (error) {
    const output = outputOf(error);
    const full = /No space left on device|Disk quota exceeded/i.test(output);
    throw new EmbeddedPostgresError(
      full ? 'no_space' : 'initdb_failed',
      full
        ? `There is no space left to create the database below ${cluster}: a new one needs about 50 MB.`
        : `Postgres could not create the database below ${cluster}: ${output}`,
      { cause: error },
    );
  }
}

function outputOf(error: unknown): string {
  const printed = typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr).trim() : '';
  return printed !== '' ? printed : String(error);
}

/** Removes what a process left that was killed while it created a cluster. */
export async function removeHalfMade(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    if (name.startsWith(HALF_MADE)) await removeQuietly(join(dataDir, name));
  }
}

/** An initdb that outlived its starter may still be writing there; then the next start removes the rest. */
async function removeQuietly(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true }).catch(() => undefined);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  await handle.sync();
  await handle.close();
}

async function readOrNothing(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
}
