import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');

/** A server of the sample shop in a process of its own, as `npm start` starts it. Its data stays from one start to the next. */
export class ShopServer {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #output = '';
  #isStopping = false;
  /** The address of the API, as soon as it answers. */
  readonly started: Promise<string>;
  /** Resolves when it has been stopped. @throws {Error} with its last words if it has ended by itself. */
  readonly ended: Promise<void>;

  constructor(settings: NodeJS.ProcessEnv) {
    const env = { DATA_DIR: join(root, '.afterwrite/example'), ...process.env, HOST: '127.0.0.1', ...settings };
    this.#child = spawn(process.execPath, [join(root, 'src/main.ts')], {
      cwd: root,
      // The launcher of the server is this process: by the channel's end the server notices that it was killed.
      env: { ...env, AFTERWRITE_LAUNCHER: String(process.pid) },
      // Away from the terminal's Ctrl-C, which this process passes on.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#closed = once(this.#child, 'close');
    this.started = this.#address();
    this.ended = this.#closed.then(() => {
      if (!this.#isStopping) throw new Error(`The server of the shop has ended:\n${this.#output.trim()}`);
    });
    this.ended.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#child.kill('SIGTERM');
    await this.#closed;
  }

  #address(): Promise<string> {
    return new Promise((resolve) => {
      for (const stream of [this.#child.stdout, this.#child.stderr]) {
        stream?.setEncoding('utf8').on('data', (text: string) => {
          this.#output = `${this.#output}${text}`.slice(-5000);
          const [, url] = /GraphQL API: (http:\/\/[^\s"]+\/graphql)/.exec(this.#output) ?? [];
          if (url) resolve(url);
        });
      }
    });
  }
}
