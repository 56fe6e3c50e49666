import { expect, it } from 'vitest';
import { Semaphore } from '../../src/scheduling/semaphore.ts';
import { fc } from '../support/properties.ts';

/** Tasks that end when a test says so. */
class Tasks {
  readonly running: string[] = [];
  readonly begun: string[] = [];
  readonly #ends = new Map<string, () => void>();
  readonly #semaphore: Semaphore;

  constructor(semaphore: Semaphore) {
    this.#semaphore = semaphore;
  }

  /** @param name the task's name; its first letter is its caller, and tasks of "-" have none. */
  add(name: string): void {
    const caller = name[0] === '-' ? undefined : name[0];
    void this.#semaphore.run(() => {
      this.begun.push(name);
      this.running.push(name);
      return new Promise<void>((resolve) => this.#ends.set(name, resolve));
    }, caller);
  }

  async end(name: string): Promise<void> {
    this.running.splice(this.running.indexOf(name), 1);
    this.#ends.get(name)?.();
    await settled();
  }
}

/** Everything that follows at once has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

it('runs as many tasks as it has places, and the next when one has ended', async () => {
  const tasks = new Tasks(new Semaphore(2));
  for (const name of ['-1', '-2', '-3', '-4']) tasks.add(name);
  await settled();
  expect(tasks.running).toEqual(['-1', '-2']);
  await tasks.end('-2');
  expect(tasks.running).toEqual(['-1', '-3']);
  await tasks.end('-1');
  expect(tasks.running).toEqual(['-3', '-4']);
});

it('lets callers take turns, and leaves places to others than a caller who has taken their share', async () => {
  const tasks = new Tasks(new Semaphore(3, 2));
  for (const name of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2']) tasks.add(name);
  await settled();
  expect(tasks.running).toEqual(['a1', 'a2', 'b1']);
  await tasks.end('a1');
  expect(tasks.running).toEqual(['a2', 'b1', 'a3']);
  await tasks.end('a2');
  expect(tasks.running).toEqual(['b1', 'a3', 'b2']);
});

it('gives its place back when a task fails', async () => {
  const semaphore = new Semaphore(1);
  await expect(semaphore.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await semaphore.run(async () => 'next')).toBe('next');
});

it('never runs too many, wastes no place, and keeps the order of each caller, whatever comes and ends', async () => {
  const steps = fc.array(fc.oneof(fc.constantFrom('-', 'a', 'b', 'c'), fc.nat(5)), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(
      steps,
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 4 }),
      async (taken, places, per) => {
        const tasks = new Tasks(new Semaphore(places, per));
        const added: string[] = [];
        for (const step of taken) {
          if (typeof step === 'string') {
            const name = `${step}${added.length}`;
            added.push(name);
            tasks.add(name);
            await settled();
          } else {
            const ending = tasks.running[step % Math.max(1, tasks.running.length)];
            if (ending) await tasks.end(ending);
          }
          const runningOf = (caller: string) => tasks.running.filter((name) => name[0] === caller).length;
          const waiting = added.slice().filter((name) => !tasks.begun.includes(name));
          expect(tasks.running.length).toBeLessThanOrEqual(places);
          for (const caller of ['a', 'b', 'c']) expect(runningOf(caller)).toBeLessThanOrEqual(per);
          const couldRun = waiting.filter((name) => name[0] === '-' || runningOf(name[0] as string) < per);
          if (couldRun.length > 0) expect(tasks.running.length).toBe(places);
          for (const caller of ['-', 'a', 'b', 'c']) {
            const mine = tasks.begun.filter((name) => name[0] === caller);
            expect(mine).toEqual(added.filter((name) => name[0] === caller).slice(0, mine.length));
          }
        }
      },
    ),
  );
});
