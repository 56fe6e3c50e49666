import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundledEnvironment } from '../../support/server/bundle.ts';
import { childEnvironment } from '../../support/server/child-environment.ts';
import { until } from '../../support/until.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The builds of the application. */
export type Build = 'A' | 'B';

/** Others use the machine. */
export const START_DEADLINE_MS = 60_000;
/** A server that does not answer within this time is not ready, in ms. */
const READYZ_MS = 2000;

/** A server process of one build. */
export class RunningBuild {
  readonly build: Build;
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  readonly #log: WriteStream;
  #said = '';

  /**
   * @param program `app/serve.ts`, bundled.
   * @param logFile what it logs is appended there.
   */
  constructor(program: string, build: Build, env: NodeJS.ProcessEnv, logFile: string) {
    this.build = build;
    this.#log = createWriteStream(logFile, { flags: 'a' });
    this.#child = spawn(process.execPath, [program, build], {
      cwd: root,
      env: {
        ...childEnvironment(),
        ...bundledEnvironment(program),
        ...{ HOST: '127.0.0.1', PORT: '0', AFTERWRITE_LAUNCHER: '1' },
        ...env,
      },
      // The channel is for nothing but its end: if this process ends, the server stops.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#log.write(text);
        if (this.url === undefined) this.#said += text;
      });
    }
    this.#exited = new Promise((resolve) => {
      this.#child.on('close', (code) => resolve(code));
      this.#child.on('error', () => resolve(null));
    });
  }

  /** Undefined until it listens. */
  get url(): string | undefined {
    return /GraphQL API: (http:\S+)\/graphql/.exec(this.#said)?.[1];
  }

  /** Waits until it says that it is ready. @throws {Error} if it ends before, or takes too long. */
  async ready(): Promise<void> {
    let answer = '';
    const look = async () => {
      if (this.#child.exitCode !== null) return true;
      if (!this.url) return false;
      const response = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(READYZ_MS) });
      answer = await response.text();
      return response.ok;
    };
    await until(look, { deadline: START_DEADLINE_MS }).catch(() => {
      throw new Error(`Build ${this.build} was not ready in time: ${answer || this.#said}`);
    });
    if (this.#child.exitCode !== null) throw new Error(`Build ${this.build} ended at its start: ${this.#said}`);
  }

  /** Ends it as an operator does, with SIGTERM, and if that takes longer than `patienceMs` with SIGKILL. @returns its exit code. */
  async stop(patienceMs = 20_000): Promise<number | null> {
    this.#child.kill(patienceMs > 0 ? 'SIGTERM' : 'SIGKILL');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), patienceMs);
    const code = await this.#exited;
    clearTimeout(force);
    await new Promise((resolve) => this.#log.end(resolve));
    return code;
  }
}
