import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { childEnvironment } from '../../support/server/child-environment.ts';
import { CLOCK_VARIABLE, type Clock, type ClockMessage, RIGHT } from './clock.ts';
import { Link } from './link.ts';
import type { MortalPostgres } from './mortal-postgres.ts';

const SHIFTED_CLOCK = new URL('./shifted-clock.ts', import.meta.url).href;
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Time between the end of an instance and its next start, in ms, as with a supervisor. */
const RESTART_MS = 300;
/** A server that does not answer within this time is not ready, in ms. */
const READYZ_MS = 5000;

/** An instance ended though nobody ended it and it had been ready. */
export interface Crash {
  readonly instance: string;
  readonly code: number | null;
  readonly signal: string | null;
  /** The end of what it wrote on standard error. */
  readonly words: string;
}

export interface InstanceOptions {
  readonly name: string;
  readonly postgres: MortalPostgres;
  /** The file of its log. */
  readonly logFile: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * A server process as its users start it, kept running by a supervisor: what ends is started again. Its clients reach it by
 * a link, it reaches Postgres by another.
 */
export class Instance {
  readonly name: string;
  readonly crashes: Crash[] = [];
  /** The link between the clients and it. */
  readonly clients: Link;
  /** Between it and Postgres. */
  readonly database: Link;
  readonly #options: InstanceOptions;
  readonly #log: WriteStream;
  #child: ChildProcess | undefined;
  #port: number | undefined;
  #killed = false;
  #paused = false;
  #stopping = false;
  #supervised: Promise<void> | undefined;
  #lastExit: number | null = null;
  #clock: Clock = RIGHT;

  private constructor(options: InstanceOptions, links: { clients: Link; database: Link }) {
    this.name = options.name;
    this.#options = options;
    this.clients = links.clients;
    this.database = links.database;
    this.#log = createWriteStream(options.logFile, { flags: 'a' });
  }

  /** Opens its links; {@link start} starts it. */
  static async prepare(options: InstanceOptions): Promise<Instance> {
    const { postgres } = options;
    const database = await Link.open(() => ({ host: '127.0.0.1', port: Number(postgres.url.port) }));
    const clients = await Link.open(() => instance.#address());
    const instance = new Instance(options, { clients, database });
    return instance;
  }

  /** The address at which its clients always find it. */
  get url(): string {
    return `http://127.0.0.1:${this.clients.port}`;
  }

  /** It has said that it serves, and has not ended or been paused since. */
  get isReady(): boolean {
    return this.#port !== undefined && !this.#paused;
  }

  /** The exit code of its last process; null if a signal ended it. */
  get exitCode(): number | null {
    return this.#lastExit;
  }

  start(): void {
    this.#supervised = this.#supervise();
  }

  /** SIGKILL; it is started again. */
  kill(): void {
    this.#killed = true;
    this.#child?.kill('SIGKILL');
  }

  /** SIGSTOP: it holds its connections and its leases, and does nothing. */
  pause(): void {
    this.#paused = true;
    this.#child?.kill('SIGSTOP');
  }

  /** SIGCONT: it continues as if no time had passed. */
  resume(): void {
    this.#paused = false;
    this.#child?.kill('SIGCONT');
  }

  /** From now on its wall clock is so wrong, also when it is started again. */
  setClock(clock: Clock): void {
    this.#clock = clock;
    const message: ClockMessage = { clock };
    // One that is about to end may have closed its channel.
    if (this.#child?.connected) this.#child.send(message, () => undefined);
  }

  /** Whether `/readyz` says that it is ready; false also if it does not answer in time. */
  async saysReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(READYZ_MS) })).ok;
    } catch {
      return false;
    }
  }

  /** Ends it permanently: with SIGTERM, and if that takes longer than `patienceMs` with SIGKILL. */
  async stop(patienceMs: number): Promise<void> {
    this.#stopping = true;
    this.resume();
    this.#child?.kill(patienceMs > 0 ? 'SIGTERM' : 'SIGKILL');
    const force = setTimeout(() => this.#child?.kill('SIGKILL'), patienceMs);
    await this.#supervised;
    clearTimeout(force);
    await Promise.all([this.clients.close(), this.database.close()]);
    await new Promise((resolve) => this.#log.end(resolve));
  }

  #address() {
    return this.#port === undefined ? undefined : { host: '127.0.0.1', port: this.#port };
  }

  async #supervise(): Promise<void> {
    while (!this.#stopping) {
      await this.#live();
      if (!this.#stopping) await delay(RESTART_MS);
    }
  }

  /** One life of it. */
  async #live(): Promise<void> {
    const { postgres, env } = this.#options;
    const url = postgres.url;
    url.port = String(this.database.port);
    this.#killed = false;
    this.#log.write(`--- ${new Date().toISOString()} started\n`);
    const child = spawn(process.execPath, ['--import', SHIFTED_CLOCK, 'src/main.ts'], {
      cwd: root,
      // It need not be ended if this process is killed: it notices that its channel is closed.
      env: {
        ...childEnvironment(),
        ...{ HOST: '127.0.0.1', PORT: '0', AFTERWRITE_LAUNCHER: '1' },
        ...env,
        DATABASE_URL: url.href,
        [CLOCK_VARIABLE]: JSON.stringify(this.#clock),
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    this.#child = child;
    let said = '';
    let words = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#log.write(text);
      if (this.#port !== undefined) return;
      said += text;
      const port = /GraphQL API: http:\S+?:(\d+)\/graphql/.exec(said)?.[1];
      if (port) this.#port = Number(port);
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log.write(text);
      words = (words + text).slice(-2000);
    });
    const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>((resolve) => {
      child.on('close', (code, signal) => resolve({ code, signal }));
      child.on('error', (error) => resolve({ code: null, signal: String(error) }));
    });
    this.#lastExit = code;
    const wasReady = this.#port !== undefined;
    this.#port = undefined;
    this.#paused = false;
    this.#child = undefined;
    this.#log.write(`--- ${new Date().toISOString()} ended: ${code ?? signal}\n`);
    if (wasReady && !this.#killed && !this.#stopping) this.crashes.push({ instance: this.name, code, signal, words });
  }
}
