import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres, { type Sql } from 'postgres';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/database/embedded/server.ts';
import { until } from '../../support/until.ts';

/** The product's own embedded Postgres with its own settings, in a folder from which it can rise again. */
export class MortalPostgres {
  readonly #folder: string;
  #server: EmbeddedPostgres;
  #up = true;
  #restarting: Promise<void> | undefined;

  private constructor(folder: string, server: EmbeddedPostgres) {
    this.#folder = folder;
    this.#server = server;
  }

  static async start(folder: string): Promise<MortalPostgres> {
    return new MortalPostgres(folder, await startEmbeddedPostgres({ dataDir: folder }));
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** Of its superuser, at its present port. */
  get url(): URL {
    return new URL(this.#server.url);
  }

  /** A connection as superuser, straight to the server. */
  async as<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const sql = postgres(this.url.href, { max: 1, connect_timeout: 5, onnotice: () => {} });
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
    this.#up = false;
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid));
  }

  /** Starts it again on the same folder, where it recovers from its log. */
  restart(): Promise<void> {
    this.#restarting = this.#start();
    return this.#restarting;
  }

  async stop(): Promise<void> {
    await this.#restarting?.catch(() => undefined);
    this.#up = false;
    await this.#server.release();
  }

  async #start(): Promise<void> {
    const before = this.#server;
    this.#server = await startEmbeddedPostgres({ dataDir: this.#folder });
    await before.release();
    this.#up = true;
  }

  #pid(): number | undefined {
    const file = join(this.#folder, 'postgres', 'postmaster.pid');
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
