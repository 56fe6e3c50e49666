import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Cli, CliError } from '../../cli/index.ts';
import { settingsWith, stopEmbeddedPostgres } from '../../server/index.ts';
import { settings } from '../settings.ts';
import type { Screen } from './screen.ts';

const main = fileURLToPath(new URL('../../main.ts', import.meta.url));

/** Longer than the server's own deadline, so that only a fault makes us kill it. */
const STOP_MS = 20_000;

/** How long after its connections a process may still exist, in ms. */
const GONE_MS = 2000;

/**
 * Gives `work` a server as `npm start` starts it, on an empty Postgres of its own, and removes all of it afterwards.
 * The signal is aborted if the demo is stopped, or the server ends.
 */
export async function withDemoServer(
  cli: Cli,
  screen: Screen,
  work: (endpoint: URL, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'afterwrite-demo-'));
  try {
    screen.step('Start a server, on a Postgres of its own that goes when the demo ends');
    const server = new DemoServer(cli.env, dataDir);
    try {
      const signal = AbortSignal.any([cli.signal, server.gone]);
      const endpoint = await server.ready(signal);
      screen.line('answer', 'npm start', String(endpoint), screen.elapsedMs);
      await work(endpoint, signal);
    } catch (error) {
      throw await server.explain(error);
    } finally {
      await server.stop();
      await stopEmbeddedPostgres(dataDir);
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

class DemoServer {
  readonly #child: ChildProcess;
  readonly #gone = new AbortController();
  readonly #endpoint = Promise.withResolvers<URL>();
  /** Its output so far, which has its address, or the reason why it failed. */
  #output = '';
  #answered = false;

  constructor(env: NodeJS.ProcessEnv, dataDir: string) {
    this.#child = spawn(process.execPath, [main], {
      env: environment(env, dataDir),
      // Detached from the terminal's Ctrl-C, which the demo forwards; the channel tells it if the demo is killed.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    }
    this.#child.once('error', (error) => this.#gone.abort(ended(error.message)));
    this.#child.once('close', () => this.#gone.abort(ended(this.#answered ? '' : lastLine(this.#output))));
  }

  /** Aborted when the server has ended. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** The server's address, as soon as it answers. */
  async ready(signal: AbortSignal): Promise<URL> {
    const stopped = Promise.withResolvers<never>();
    const stop = () => stopped.reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    return Promise.race([this.#endpoint.promise, stopped.promise]).finally(() =>
      signal.removeEventListener('abort', stop),
    );
  }

  /**
   * Replaces an error by the end of the server if that is its cause: connections break a moment before the process is
   * gone.
   */
  async explain(error: unknown): Promise<unknown> {
    if (!(error instanceof CliError) || !['NO_ANSWER', 'NO_MESSAGE'].includes(error.code)) return error;
    const late = AbortSignal.timeout(GONE_MS);
    if (!this.gone.aborted) await once(AbortSignal.any([this.gone, late]), 'abort');
    return this.gone.aborted ? this.gone.reason : error;
  }

  async stop(): Promise<void> {
    if (this.gone.aborted) return;
    const closed = once(this.gone, 'abort');
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    await closed;
    clearTimeout(late);
  }

  #read(text: string): void {
    this.#output = `${this.#output}${text}`.slice(-10_000);
    const [, address] = /GraphQL API: (http:\/\/[^\s"]+\/graphql)/.exec(this.#output) ?? [];
    if (!address) return;
    this.#answered = true;
    this.#endpoint.resolve(new URL(address));
  }
}

/** The demo's own settings, without those of the environment: the user's database must not be touched. */
function environment(env: NodeJS.ProcessEnv, dataDir: string): NodeJS.ProcessEnv {
  const own = new Set(settingsWith(settings).map(({ name }) => name));
  return {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => !own.has(name))),
    HOST: '127.0.0.1',
    PORT: '0',
    DATA_DIR: dataDir,
    // The address is in the log, which nobody else reads.
    LOG_LEVEL: 'info',
    AFTERWRITE_LAUNCHER: String(process.pid),
  };
}

function ended(reason: string): CliError {
  return new CliError(
    'SERVER_ENDED',
    `The server of the demo has ended${reason && `: ${reason}`}${reason.endsWith('.') ? '' : '.'}`,
  );
}

/** The last message of the output; for a log entry, its message. */
function lastLine(output: string): string {
  const line = output.trim().split('\n').at(-1) ?? '';
  try {
    return String((JSON.parse(line) as { readonly msg?: unknown }).msg ?? line);
  } catch {
    return line;
  }
}
