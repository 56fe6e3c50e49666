import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '../../../src/database/embedded/server.ts';
import { HttpClient } from '../client/http-client.ts';
import { SECRET } from '../client/tokens.ts';
import { childEnvironment } from './child-environment.ts';
import { parseMetrics, type Scrape } from './prometheus.ts';
import type { LoopBlock, LoopReport, LoopRequest } from './watch-loop.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const WATCH = new URL('./watch-loop.ts', import.meta.url).href;
/** Starting may have to create a cluster while others use the machine. */
const START_DEADLINE_MS = 120_000;
const STOP_PATIENCE_MS = 15_000;

/** How a server ended that nobody had stopped. */
export interface UnexpectedEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/**
 * A server as its operators run it in production, in a process of its own, on an embedded Postgres of its own. It reports
 * how long its event loop was kept busy, and how much heap it holds.
 */
export class ProductionServer extends HttpClient {
  readonly databaseUrl: string;
  readonly logFile: string;
  readonly #release: () => Promise<void>;
  readonly #child: ChildProcess;
  readonly #exited: Promise<UnexpectedEnd>;
  #url = '';
  #stopping = false;
  #end: UnexpectedEnd | undefined;

  private constructor(child: ChildProcess, options: { url: string; logFile: string; release: () => Promise<void> }) {
    super(() => this.#url);
    this.#child = child;
    this.databaseUrl = options.url;
    this.logFile = options.logFile;
    this.#release = options.release;
    this.#exited = once(child, 'close').then(([code, signal]) => {
      const end = { code, signal };
      if (!this.#stopping) this.#end = end;
      return end;
    });
  }

  /** Starts Postgres and the server in a folder, and waits until the server is ready. */
  static async start(folder: string, env: NodeJS.ProcessEnv = {}): Promise<ProductionServer> {
    await mkdir(folder, { recursive: true });
    const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'data') });
    const logFile = join(folder, 'server.log');
    const child = spawn(process.execPath, ['--expose-gc', '--import', WATCH, 'src/main.ts'], {
      cwd: root,
      env: {
        ...childEnvironment(),
        ...{ HOST: '127.0.0.1', PORT: '0', AFTERWRITE_LAUNCHER: '1' },
        ...{ NODE_ENV: 'production', AUTH_JWT_SECRET: SECRET, PAYMENT_GATEWAY_URL: 'local' },
        ...env,
        DATABASE_URL: postgres.url,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const server = new ProductionServer(child, { url: postgres.url, logFile, release: () => postgres.release() });
    try {
      await server.#ready();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  get url(): string {
    return this.#url;
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** How it ended, if it ended by itself. */
  get unexpectedEnd(): UnexpectedEnd | undefined {
    return this.#end;
  }

  /** What it tells Prometheus. */
  async metrics(): Promise<Scrape> {
    return parseMetrics(await (await fetch(`${this.#url}/metrics`)).text());
  }

  /** Whether it says that it is ready. */
  async isReady(): Promise<boolean> {
    return (await fetch(`${this.#url}/readyz`)).status === 200;
  }

  /** Memory that the operating system holds for it, in bytes. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  }

  /** Bytes on its heap after a full garbage collection. */
  async heapBytes(): Promise<number> {
    return (await this.#ask('heap')).heapBytes;
  }

  /** The times since the last call in which the event loop was kept, see watch-loop.ts. */
  async blocks(): Promise<readonly LoopBlock[]> {
    return (await this.#ask('blocks')).blocks;
  }

  /** Profiles what it computes from now on. @returns ends the profile, which Chrome and editors read from a `.cpuprofile` file. */
  async profile(): Promise<() => Promise<object>> {
    await this.#ask('profile');
    return async () => (await this.#ask('profiled')).profile ?? {};
  }

  /** Ends the server and its Postgres. Idempotent. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
      const force = setTimeout(() => this.#child.kill('SIGKILL'), STOP_PATIENCE_MS);
      await this.#exited;
      clearTimeout(force);
    }
    await this.#release();
  }

  async #ask(what: LoopRequest): Promise<LoopReport> {
    const answered = once(this.#child, 'message');
    this.#child.send(what);
    const [report] = await answered;
    return report as LoopReport;
  }

  #ready(): Promise<void> {
    const log = createWriteStream(this.logFile);
    let words = '';
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`The server did not start: ${words}`)), START_DEADLINE_MS);
      void this.#exited.then(({ code }) => {
        clearTimeout(timer);
        reject(new Error(`The server ended with ${code}: ${words}`));
      });
      const read = (chunk: Buffer) => {
        log.write(chunk);
        if (this.#url) return;
        words += chunk;
        const url = /GraphQL API: (http:\S+)\/graphql/.exec(words)?.[1];
        if (!url) return;
        this.#url = url;
        clearTimeout(timer);
        resolve();
      };
      this.#child.stdout?.on('data', read);
      this.#child.stderr?.on('data', read);
    });
  }
}
