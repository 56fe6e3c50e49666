import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sql } from 'postgres';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/database/embedded/server.ts';
import { connect } from '../../../src/database/session.ts';
import { until } from '../../support/until.ts';
import { type Primary, Standby } from './standby.ts';

/**
 * The product's own embedded Postgres with its own settings, in a folder from which it can rise again, and which a standby can
 * take the place of.
 */
export class MortalPostgres implements Primary {
  readonly #folder: string;
  #dataDir: string;
  #server: EmbeddedPostgres;
  #standbys = 0;
  #standby: Promise<Standby> | undefined;
  #restarting: Promise<void> | undefined;

  private constructor(folder: string, dataDir: string, server: EmbeddedPostgres) {
    this.#folder = folder;
    this.#dataDir = dataDir;
    this.#server = server;
  }

  static async start(folder: string): Promise<MortalPostgres> {
    const dataDir = join(folder, 'primary');
    return new MortalPostgres(folder, dataDir, await startEmbeddedPostgres({ dataDir }));
  }

  /** The URL of its superuser, at its present port. */
  get url(): URL {
    return new URL(this.#server.url);
  }

  get dataDir(): string {
    return this.#dataDir;
  }

  /** A connection as superuser, straight to the server, whose settings are the project's also if the database has others. */
  async as<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const sql = connect({ url: this.url.href, applicationName: 'faults' }, { max: 1, connect_timeout: 5 });
    try {
      return await work(sql);
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  /** Ends the postmaster with SIGKILL; its backends notice and end. Nothing is written that was not on its way to the disk. */
  async kill(): Promise<void> {
    const pid = this.#pid();
    if (pid === undefined) return;
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid));
  }

  /** Starts it again on the same folder, where it recovers from its log. */
  restart(): Promise<void> {
    this.#restarting = this.#start();
    return this.#restarting;
  }

  /** Runs `work` with a standby that streams from it. The standby is removed afterwards if it was not promoted. */
  async withStandby<T>(work: (standby: Standby) => Promise<T>): Promise<T> {
    this.#standbys += 1;
    this.#standby = Standby.of(this, join(this.#folder, `standby-${this.#standbys}`));
    const standby = await this.#standby;
    try {
      return await work(standby);
    } finally {
      this.#standby = undefined;
      if (this.#server !== standby.server) await standby.remove();
    }
  }

  /** Kills it; the standby is promoted and takes its place. */
  async failOver(standby: Standby): Promise<void> {
    await this.kill();
    await standby.promote();
    const before = { server: this.#server, dataDir: this.#dataDir };
    this.#server = standby.server;
    this.#dataDir = standby.dataDir;
    await before.server.release();
    await rm(before.dataDir, { recursive: true, force: true });
  }

  async stop(): Promise<void> {
    await this.#restarting?.catch(() => undefined);
    const standby = await this.#standby?.catch(() => undefined);
    await Promise.all([this.#server.release(), standby?.server.release()]);
  }

  async #start(): Promise<void> {
    const before = this.#server;
    this.#server = await startEmbeddedPostgres({ dataDir: this.#dataDir });
    await before.release();
  }

  #pid(): number | undefined {
    const file = join(this.#dataDir, 'postgres', 'postmaster.pid');
    return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : undefined;
  }
}

/** False also for a process that has ended and waits for its parent to take note. */
function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
