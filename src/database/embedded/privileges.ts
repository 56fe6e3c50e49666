import { execFile, type SpawnOptions } from 'node:child_process';
import { chmod, lchown, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Binaries, copyBinaries } from './binaries.ts';
import { EmbeddedPostgresError } from './errors.ts';
import { postgresEnvironment } from './settings.ts';

const execute = promisify(execFile);

/** How root can run Postgres, which refuses to run as root. */
export type RootWay = 'namespace' | 'drop';

/** The user for Postgres's programs. */
export interface Identity {
  /** Put in front of a program's command line. */
  prefix: string[];
  /** Set only if the program must run as another user. */
  user?: { uid: number; gid: number };
}

/** Programs, and an identity that can run them and write to the wanted folder. */
export interface RootAccess {
  identity: Identity;
  binaries: Binaries;
}

/** The program, its arguments and the spawn options to run a command line with an identity. */
export function commandAs(
  identity: Identity,
  words: string[],
): { file: string; args: string[]; options: Pick<SpawnOptions, 'uid' | 'gid' | 'env'> } {
  const [file = '', ...args] = [...identity.prefix, ...words];
  return { file, args, options: { ...identity.user, env: postgresEnvironment() } };
}

/**
 * Decides as which user Postgres runs on `folder` (the cluster, or the folder for it), and gives that user what it
 * needs: the folder, the path to it, and programs that it can reach. An ordinary user runs it as itself. Root runs it
 * as the cluster's owner. If that is root too, it runs in a user namespace in which root appears as nobody (no file
 * changes its owner, and a project in a private home folder works), or else as the user postgres or nobody.
 * @throws EmbeddedPostgresError `wrong_owner`, `no_ordinary_user`, `data_dir_unreachable` or `binaries_unusable`.
 */
export async function prepareAccess(
  folder: string,
  dataDir: string,
  binaries: Binaries,
  rootWays: readonly RootWay[],
): Promise<RootAccess> {
  const owner = await stat(folder);
  const uid = process.getuid?.();
  if (uid !== 0) {
    if (owner.uid === uid) return { identity: { prefix: [] }, binaries };
    throw new EmbeddedPostgresError(
      'wrong_owner',
      `The database in ${folder} belongs to another user (uid ${owner.uid}): run as that user, or set DATA_DIR.`,
    );
  }
  if (owner.uid === 0 && rootWays.includes('namespace')) {
    const identity = await namespaceIdentity();
    if (identity !== undefined && (await canRun(identity, binaries, folder))) return { identity, binaries };
  }
  const user = owner.uid === 0 ? await ordinaryUser() : { uid: owner.uid, gid: owner.gid };
  if (user === undefined || !rootWays.includes('drop')) {
    throw new EmbeddedPostgresError(
      'no_ordinary_user',
      'Postgres refuses to run as root, and there is no user postgres or nobody to run it as: run as an ordinary user.',
    );
  }
  return dropTo(user, folder, dataDir, binaries);
}

async function dropTo(
  user: { uid: number; gid: number },
  folder: string,
  dataDir: string,
  binaries: Binaries,
): Promise<RootAccess> {
  const identity: Identity = { prefix: [], user };
  if (!(await canEnter(identity, dataDir))) await chmod(dataDir, ((await stat(dataDir)).mode & 0o777) | 0o011);
  if (!(await canEnter(identity, dataDir))) {
    throw new EmbeddedPostgresError(
      'data_dir_unreachable',
      `Postgres refuses to run as root, and uid ${user.uid}, as which it would run, can not reach ${dataDir}: ` +
        'set DATA_DIR to a folder that every user can pass through, e.g. below /var/lib.',
    );
  }
  await giveTo(user, folder);
  if (await canRun(identity, binaries, folder)) return { identity, binaries };
  const copy = await copyBinaries(binaries, join(dataDir, 'binaries'));
  if (await canRun(identity, copy, folder)) return { identity, binaries: copy };
  throw new EmbeddedPostgresError(
    'binaries_unusable',
    `Postgres refuses to run as root, and uid ${user.uid} can not run ${copy.postgres} on ${folder}: ` +
      'set DATA_DIR to a folder on a file system that allows programs.',
  );
}

/** The folder's own owner changes last, so that an interrupted change starts again. */
async function giveTo(user: { uid: number; gid: number }, folder: string): Promise<void> {
  if ((await stat(folder)).uid === user.uid) return;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const child = join(folder, entry.name);
    if (entry.isDirectory()) await giveTo(user, child);
    else await lchown(child, user.uid, user.gid);
  }
  await lchown(folder, user.uid, user.gid);
}

/** Tests by running: access lists, mount options and missing capabilities matter as much as file modes. */
async function canRun(identity: Identity, binaries: Binaries, folder: string): Promise<boolean> {
  const script = 'test "$(id -u)" != 0 && cd "$2" && test -w . && "$1" --version';
  return succeeds(identity, script, [binaries.postgres, folder]);
}

async function canEnter(identity: Identity, folder: string): Promise<boolean> {
  return succeeds(identity, 'test -x "$1"', [folder]);
}

async function succeeds(identity: Identity, script: string, words: string[]): Promise<boolean> {
  const { file, args, options } = commandAs(identity, ['/bin/sh', '-c', script, 'sh', ...words]);
  return execute(file, args, { ...options, cwd: '/' }).then(
    () => true,
    () => false,
  );
}

async function namespaceIdentity(): Promise<Identity | undefined> {
  if (process.platform !== 'linux') return undefined;
  // initdb looks up the name of its user, so the namespace's user must exist.
  const nobody = await lookUp('nobody');
  if (nobody === undefined) return undefined;
  const user = [`--map-user=${nobody.uid}`, `--map-group=${nobody.gid}`];
  return { prefix: ['unshare', '--user', ...user, '--'] };
}

async function ordinaryUser(): Promise<{ uid: number; gid: number } | undefined> {
  return (await lookUp('postgres')) ?? (await lookUp('nobody'));
}

async function lookUp(name: string): Promise<{ uid: number; gid: number } | undefined> {
  const number = async (option: string) => Number((await execute('id', [option, name])).stdout);
  try {
    const user = { uid: await number('-u'), gid: await number('-g') };
    return user.uid > 0 && user.gid >= 0 ? user : undefined;
  } catch {
    return undefined;
  }
}
