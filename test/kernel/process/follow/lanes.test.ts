import { describe, expect, it } from 'vitest';
import { Lanes } from '../../../../src/kernel/process/follow/lanes.ts';
import type { Task } from '../../../../src/kernel/process/follow/task.ts';
import { fc } from '../../../support/properties.ts';

interface Numbered extends Task {
  readonly nth: number;
}

const limits = { atOnce: 8, perLane: 3 };

const task = (nth: number, lane: string, partition: string, more: Partial<Task> = {}): Numbered => ({
  nth,
  lane,
  partition,
  cost: 1,
  ...more,
});

/** Tasks that run, in any order of ends, with failures in between. */
const runs = fc.record({
  tasks: fc.array(
    fc.record({
      lane: fc.nat(4),
      partition: fc.nat(6),
      cost: fc.integer({ min: 1, max: 40 }),
      kind: fc.option(fc.nat(1), { nil: undefined }),
      target: fc.nat(3),
      failures: fc.nat(2),
    }),
    { maxLength: 80 },
  ),
  /** Which of those that could do something does: to be added, to end, to go on after a failure. */
  choices: fc.array(fc.nat(1000), { minLength: 20, maxLength: 60 }),
});

describe('lanes', () => {
  it('count at most the given number of tasks of each lane while tasks are added and done', () => {
    const lanes = new Lanes<Numbered>({ ...limits, perLane: 8, counted: 2 });
    const add = (nth: number, lane: string) => lanes.add(task(nth, lane, `partition ${nth}`));
    for (const nth of [1, 2, 3, 4, 5]) add(nth, 'a');
    expect([lanes.size, lanes.crowd]).toEqual([5, 2]);
    add(6, 'b');
    expect([lanes.size, lanes.crowd]).toEqual([6, 3]);
    const running = Array.from({ length: 6 }, () => lanes.next() as Numbered);
    for (const each of running.filter(({ lane }) => lane === 'a').slice(0, 3)) lanes.done(each);
    expect([lanes.size, lanes.crowd]).toEqual([3, 3]);
    for (const each of running.filter(({ lane }) => lane === 'a').slice(3)) lanes.done(each);
    expect([lanes.size, lanes.crowd]).toEqual([1, 1]);
  });

  it('run every task once, in order within a partition, with bounded slots, whatever fails and in which order tasks end', () => {
    fc.assert(
      fc.property(runs, ({ tasks, choices }) => {
        const all = tasks.map(({ lane, partition, kind, target, cost }, nth) => {
          const group = kind === undefined ? undefined : { kind: `kind ${kind}`, target: `target ${target}` };
          return task(nth, `lane ${lane}`, `partition ${partition}`, { cost, group });
        });
        const failures = tasks.map((each) => each.failures);
        const lanes = new Lanes<Numbered>(limits);
        const [toAdd, running, paused, done] = [[...all], [] as Numbered[], [] as Numbered[], [] as Numbered[]];
        const open = new Set<Numbered>();
        const failed = new Set<Numbered>();
        for (let step = 0; toAdd.length + running.length + paused.length > 0; step++) {
          const choice = choices[step % choices.length] ?? 0;
          const added = choice % 3 === 0 || running.length + paused.length === 0 ? toAdd.shift() : undefined;
          if (added) {
            lanes.add(added);
            open.add(added);
          } else if (paused.length > 0 && (choice % 3 === 1 || running.length === 0)) {
            const [one] = paused.splice(choice % paused.length, 1) as [Numbered];
            lanes.resume(one);
          } else if (running.length > 0) {
            const [one] = running.splice(choice % running.length, 1) as [Numbered];
            if ((failures[one.nth] ?? 0) > 0) {
              failures[one.nth] = (failures[one.nth] ?? 0) - 1;
              failed.add(one);
              lanes.pause(one);
              paused.push(one);
            } else {
              lanes.done(one);
              open.delete(one);
              done.push(one);
            }
          }
          for (let one = lanes.next(); one; one = lanes.next()) {
            for (const other of open) {
              if (other.partition !== one.partition || other.nth >= one.nth) continue;
              // Tasks before it in its partition that are not done are of its kind and have other targets.
              expect(one.group && other.group?.kind === one.group.kind).toBe(true);
              expect(other.group?.target).not.toBe(one.group?.target);
            }
            running.push(one);
          }
          expect(lanes.running).toBe(running.length);
          expect(running.length).toBeLessThanOrEqual(limits.atOnce);
          expect(running.filter((each) => failed.has(each)).length).toBeLessThanOrEqual(2);
          for (const name of new Set(running.map(({ lane }) => lane))) {
            expect(running.filter(({ lane }) => lane === name).length).toBeLessThanOrEqual(limits.perLane);
          }
          expect(lanes.size).toBe(open.size);
        }
        expect(done.map(({ nth }) => nth).sort((a, b) => a - b)).toEqual(all.map(({ nth }) => nth));
        // Finished tasks leave nothing in memory.
        expect([lanes.size, lanes.lanes, lanes.running]).toEqual([0, 0, 0]);
        expect(all.some(({ partition }) => lanes.isOpen(partition))).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('let a lane with one task pass, however many tasks others have added before it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 20 }), (backlog, others) => {
        const lanes = new Lanes<Numbered>(limits);
        let nth = 0;
        for (let other = 0; other < others; other++) {
          for (let each = 0; each < backlog; each++) lanes.add(task(nth++, `lane ${other}`, `partition ${nth}`));
        }
        const stranger = task(nth, 'stranger', 'its partition');
        lanes.add(stranger);
        const running: Numbered[] = [];
        for (let ended = 0; ; ended++) {
          for (let one = lanes.next(); one; one = lanes.next()) running.push(one);
          if (running.includes(stranger)) break;
          // A round: every lane has spent at most what it may in a turn.
          expect(ended).toBeLessThan(8 * (others + 1) + limits.atOnce);
          lanes.done(running.shift() as Numbered);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('share slots by cost: a lane of dear tasks runs fewer of them', () => {
    const lanes = new Lanes<Numbered>({ atOnce: 1, perLane: 2 });
    for (let nth = 0; nth < 400; nth++) {
      lanes.add(task(nth, 'dear', `dear ${nth}`, { cost: 16 }));
      lanes.add(task(nth, 'cheap', `cheap ${nth}`, { cost: 1 }));
    }
    const ran = { dear: 0, cheap: 0 };
    for (let turn = 0; turn < 340; turn++) {
      const one = lanes.next() as Numbered;
      ran[one.lane as 'dear' | 'cheap']++;
      lanes.done(one);
    }
    expect(ran.cheap / ran.dear).toBeGreaterThan(10);
    expect(ran.cheap / ran.dear).toBeLessThan(24);
  });

  it('leave three quarters of the slots to tasks that have not failed, also within a lane', () => {
    const lanes = new Lanes<Numbered>({ atOnce: 8, perLane: 4 });
    const hanging = Array.from({ length: 20 }, (_, nth) => task(nth, `lane ${nth % 2}`, `partition ${nth}`));
    for (const one of hanging) lanes.add(one, true);
    let running = 0;
    while (lanes.next()) running++;
    expect(running).toBe(2);
    for (let nth = 20; nth < 40; nth++) lanes.add(task(nth, `lane ${nth % 2}`, `partition ${nth}`));
    while (lanes.next()) running++;
    expect(running).toBe(8);
  });

  it('hand out the waiting tasks of a partition, but not the running one', () => {
    const lanes = new Lanes<Numbered>(limits);
    const [first, ...behind] = Array.from({ length: 5 }, (_, nth) => task(nth, 'lane', 'partition')) as [Numbered];
    for (const one of [first, ...behind]) lanes.add(one);
    expect(lanes.next()).toBe(first);
    lanes.pause(first);
    expect(lanes.takeWaiting('partition')).toEqual(behind);
    expect(lanes.size).toBe(1);
    lanes.done(first);
    expect([lanes.size, lanes.isOpen('partition')]).toEqual([0, false]);
  });
});
