import { describe, expect, it } from 'vitest';
import { FairQueue } from '../../src/scheduling/fair-queue.ts';

/** Tasks that a test ends one by one. */
class Tasks {
  readonly started: string[] = [];
  readonly #ends = new Map<string, () => void>();

  readonly task = (name: string) => () => {
    this.started.push(name);
    return new Promise<void>((resolve) => this.#ends.set(name, resolve));
  };

  end(name: string): void {
    this.#ends.get(name)?.();
  }
}

describe('FairQueue', () => {
  it('runs at most as many tasks at a time as it may, and lets callers take turns', async () => {
    const queue = new FairQueue(1);
    const tasks = new Tasks();
    const running = [
      queue.run('ada', tasks.task('ada 1')),
      queue.run('ada', tasks.task('ada 2')),
      queue.run('ada', tasks.task('ada 3')),
      queue.run('bob', tasks.task('bob 1')),
    ];
    for (const [index, name] of ['ada 1', 'ada 2', 'bob 1', 'ada 3'].entries()) {
      expect(tasks.started).toHaveLength(index + 1);
      expect(tasks.started.at(-1)).toBe(name);
      tasks.end(name);
      await Promise.race(running);
      await new Promise(setImmediate);
    }
    await Promise.all(running);
  });

  it('passes the place of a task that fails on', async () => {
    const queue = new FairQueue(1);
    const failing = queue.run('ada', () => Promise.reject(new Error('no')));
    const next = queue.run('ada', async () => 'done');
    await expect(failing).rejects.toThrow('no');
    await expect(next).resolves.toBe('done');
  });
});
