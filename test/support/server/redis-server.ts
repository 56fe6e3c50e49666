import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { until } from '../until.ts';

/** A Redis of a test's own, on loopback, that keeps nothing on disk. */
export interface RedisServer {
  readonly url: string;
  /** Starts it, again after {@link stop} on the same port. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** It takes connections and answers nothing, until it is resumed. */
  pause(): void;
  resume(): void;
}

export async function redisServer(): Promise<RedisServer> {
  const port = await freePort();
  let child: ChildProcess | undefined;
  return {
    url: `redis://127.0.0.1:${port}`,
    start: async () => {
      const nothingKept = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1', '--port', String(port)];
      child = spawn('redis-server', nothingKept, { stdio: 'ignore' });
      await until(() => canConnect(port));
    },
    stop: async () => {
      if (!child || child.exitCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      child = undefined;
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
