import { fork } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A part of a benchmark in a process of its own, so that it does not share a core with who measures it. */
export interface Child<Started> {
  /** The line that it printed when it was ready. */
  readonly started: Started;
  /** Asks it something; resolves to its next message. One question at a time. @throws if it has ended. */
  ask<Answer>(question: unknown): Promise<Answer>;
  /** Lets go of it, upon which it ends by itself; resolves when it has. */
  end(): Promise<void>;
}

/** CPU time that a process has used so far, in µs. It answers the question `cpu`. */
export async function cpuOf(child: Pick<Child<unknown>, 'ask'>): Promise<number> {
  const { cpu } = await child.ask<{ cpu: NodeJS.CpuUsage }>('cpu');
  return cpu.user + cpu.system;
}

/**
 * Runs a module in a process of its own, as in production; resolves when it sends its first message.
 *
 * @throws if it ends before.
 */
export async function startChild<Started>(
  module: URL,
  env: Readonly<Record<string, string>> = {},
): Promise<Child<Started>> {
  const file = fileURLToPath(module);
  const child = fork(file, {
    execArgv: ['--expose-gc'],
    env: { ...process.env, ...env },
  });
  const ended = once(child, 'exit');
  const next = async <Answer>(): Promise<Answer> => {
    const gone = ended.then(([code]) => Promise.reject(new Error(`${basename(file)} has ended with ${code}.`)));
    gone.catch(() => undefined);
    const [answer] = (await Promise.race([once(child, 'message'), gone])) as [Answer];
    return answer;
  };
  return {
    started: await next<Started>(),
    ask: (question) => {
      child.send(question as never);
      return next();
    },
    end: async () => {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
