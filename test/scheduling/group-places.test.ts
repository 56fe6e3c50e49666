import { describe, expect, it } from 'vitest';
import { GroupPlaces } from '../../src/scheduling/group-places.ts';
import { fc } from '../support/properties.ts';

/** Tasks that end when a test says so, named `group:caller:number`; those of no caller have an empty one. */
class Tasks {
  readonly running: string[] = [];
  readonly #places: GroupPlaces;

  constructor(places: number) {
    this.#places = new GroupPlaces(places);
  }

  async add(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      const [group = '', caller] = name.split(':');
      this.#places.of(group).acquire(caller || undefined, () => this.running.push(name));
    }
    await Promise.resolve();
  }

  async end(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      const [group = '', caller] = name.split(':');
      this.running.splice(this.running.indexOf(name), 1);
      this.#places.of(group).release(caller || undefined);
    }
    await Promise.resolve();
  }
}

const many = (group: string, count: number, callers = 1) =>
  Array.from({ length: count }, (_, nth) => `${group}:${group}${nth % callers}:${nth}`);
const isOf = (group: string) => (name: string) => name.startsWith(`${group}:`);

describe('places that groups share', () => {
  it('leave some to a group that comes later, however many tasks and callers another one has', async () => {
    const tasks = new Tasks(6);
    await tasks.add(...many('a', 50, 20));
    expect(tasks.running).toHaveLength(4);
    await tasks.add('b:b0:0');
    expect(tasks.running.at(-1)).toBe('b:b0:0');
  });

  it('leave some to each of several groups that come later, also if two have long tasks', async () => {
    const tasks = new Tasks(10);
    await tasks.add(...many('a', 50, 20), ...many('b', 50, 20));
    expect(tasks.running).toHaveLength(8);
    await tasks.add('c:c0:0', 'd:d0:0');
    expect(tasks.running.slice(-2)).toEqual(['c:c0:0', 'd:d0:0']);
  });

  it('become fewer for a group when others come, and more when they are gone', async () => {
    const tasks = new Tasks(6);
    await tasks.add(...many('a', 50, 20), ...many('b', 50, 20));
    expect([tasks.running.filter(isOf('a')).length, tasks.running.filter(isOf('b')).length]).toEqual([4, 1]);
    await tasks.end(...tasks.running.slice(0, 2));
    expect([tasks.running.filter(isOf('a')).length, tasks.running.filter(isOf('b')).length]).toEqual([2, 2]);
    for (let nth = 0; nth < 50; nth++) await tasks.end(...tasks.running.filter(isOf('b')));
    expect(tasks.running).toHaveLength(4);
    expect(tasks.running.every(isOf('a'))).toBe(true);
  });

  it('go to groups in turn, and within a group to its callers in turn', async () => {
    const tasks = new Tasks(1);
    await tasks.add('a:x:0', 'a:x:1', 'a:x:2', 'a:y:0', 'b:z:0', 'b:z:1');
    const order: string[] = [];
    for (let [next] = tasks.running; next; [next] = tasks.running) {
      order.push(next);
      await tasks.end(next);
    }
    expect(order).toEqual(['a:x:0', 'a:x:1', 'b:z:0', 'a:y:0', 'b:z:1', 'a:x:2']);
  });

  it('are not all taken by one of the callers of a group', async () => {
    const tasks = new Tasks(6);
    await tasks.add(...many('a', 10));
    expect(tasks.running).toHaveLength(3);
    await tasks.add('a:other:0');
    expect(tasks.running.at(-1)).toBe('a:other:0');
  });

  it('are never more than there are, and everybody gets one in the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.tuple(fc.nat(4), fc.nat(3)), { minLength: 1, maxLength: 60 }),
        fc.infiniteStream(fc.nat(9)),
        async (places, asked, picks) => {
          const tasks = new Tasks(places);
          let ended = 0;
          const endOne = async () => {
            const name = tasks.running[(picks.next().value as number) % tasks.running.length];
            if (name === undefined) return false;
            await tasks.end(name);
            ended++;
            return true;
          };
          for (const [nth, [group, caller]] of asked.entries()) {
            await tasks.add(`g${group}:${caller === 0 ? '' : `c${caller}`}:${nth}`);
            expect(tasks.running.length).toBeGreaterThan(0);
            expect(tasks.running.length).toBeLessThanOrEqual(places);
            if (nth % 3 === 2) await endOne();
          }
          while (await endOne()) expect(tasks.running.length).toBeLessThanOrEqual(places);
          expect(ended).toBe(asked.length);
        },
      ),
    );
  });
});
