import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RecordedEvent } from '../../../../src/kernel/define/event.ts';
import { planBatch } from '../../../../src/kernel/read/fold/fold-batch.ts';
import { FoldWindow } from '../../../../src/kernel/read/fold/fold-window.ts';
import { WindowMemory } from '../../../../src/kernel/read/fold/window-memory.ts';
import { recorded } from '../../../../src/kernel/testing/recorded.ts';
import { Book, books, Written } from '../../../support/kernel/library.ts';

const MB = 2 ** 20;

let log: readonly RecordedEvent[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  log = [];
});
afterEach(() => {
  vi.useRealTimers();
});

/** Folds new books into a window, all titles of them together about so large in memory. */
function grow(window: FoldWindow, bytes: number, count = 1): void {
  for (let nth = 0; nth < count; nth++) {
    const id = `00000000-0000-7000-8000-${String(log.length).padStart(12, '0')}`;
    log = recorded(Book, id, [Written({ title: 'x'.repeat(bytes / 2 / count), author: null, tags: [] })], log);
    window.fold(planBatch(books, log.slice(-1)), []);
  }
}

/** Writes a window, which takes so long, in ms. */
function write(window: FoldWindow, ms = 0): number {
  let rows = 0;
  for (const { keys } of window.parts()) rows += keys.size;
  vi.advanceTimersByTime(ms);
  window.written();
  return rows;
}

describe('windows that share memory', () => {
  const windows = (bytes: number) => {
    const memory = new WindowMemory(bytes);
    const woken: string[] = [];
    const open = (name: string) => new FoldWindow(books, memory, true, () => woken.push(name));
    return { open, woken };
  };

  it('may each take what the others leave', () => {
    const { open } = windows(10 * MB);
    const [large, small] = [open('large'), open('small')];
    grow(large, 8 * MB);
    grow(small, MB);
    expect([large.isDue(false), small.isDue(false)]).toEqual([false, false]);
  });

  it('are due if the memory is used up, and they have their share of it or more', () => {
    const { open } = windows(10 * MB);
    const [large, small] = [open('large'), open('small')];
    grow(large, 8 * MB);
    grow(small, 3 * MB);
    expect([large.isDue(false), small.isDue(false)]).toEqual([true, false]);
  });

  it('give way one after the other, not all at once', () => {
    const { open } = windows(9 * MB);
    const [first, second, third] = [open('first'), open('second'), open('third')];
    for (const each of [first, second, third]) grow(each, 3.1 * MB);
    expect([first, second, third].map((each) => each.isDue(false))).toEqual([true, true, true]);
    const parts = first.parts();
    expect([second, third].map((each) => each.isDue(false))).toEqual([false, false]);
    for (const _ of parts);
    first.written();
    expect([first, second, third].map((each) => each.hasRoom)).toEqual([false, true, true]);
  });

  it('stand still while one of them writes its rows to give way and no memory is left, and go on when it has', () => {
    const { open, woken } = windows(10 * MB);
    const [large, small] = [open('large'), open('small')];
    grow(small, 3 * MB);
    grow(large, 8 * MB);
    expect([large.hasRoom, small.hasRoom]).toEqual([true, true]);
    for (const _ of large.parts());
    expect([small.isDue(false), small.hasRoom, woken]).toEqual([false, false, []]);
    large.written();
    expect(woken).toContain('small');
    expect([large.hasRoom, small.hasRoom]).toEqual([false, true]);
  });

  it('go on as well if one that gives way fails to write its rows', () => {
    const { open, woken } = windows(10 * MB);
    const [large, small] = [open('large'), open('small')];
    grow(small, 3 * MB);
    grow(large, 8 * MB);
    large.parts();
    expect(small.hasRoom).toBe(false);
    large.drop();
    expect([woken, small.hasRoom]).toEqual([['small'], true]);
  });

  it('stand still no longer than a minute for one whose rows cannot be written', () => {
    const { open, woken } = windows(10 * MB);
    const [large, small] = [open('large'), open('small')];
    grow(small, 3 * MB);
    grow(large, 8 * MB);
    large.parts();
    expect(small.hasRoom).toBe(false);
    vi.advanceTimersByTime(59_999);
    expect([woken, small.hasRoom]).toEqual([[], false]);
    vi.advanceTimersByTime(1);
    expect(woken).toEqual(['small']);
    grow(small, MB);
    expect(small.hasRoom).toBe(true);
  });

  it('give way until the others need less, and then go on', () => {
    const { open, woken } = windows(10 * MB);
    const [first, second] = [open('first'), open('second')];
    grow(second, 5 * MB);
    grow(first, 5.5 * MB);
    write(first);
    expect([first.hasRoom, second.hasRoom]).toEqual([false, true]);
    grow(second, 4 * MB);
    expect(second.isDue(false)).toBe(false);
    expect(woken).toEqual([]);
    second.drop();
    expect(woken).toEqual(['first']);
    expect(first.hasRoom).toBe(true);
  });

  it('wait no longer than a minute for those that stand still', () => {
    const { open, woken } = windows(10 * MB);
    const [first, second] = [open('first'), open('second')];
    grow(second, 5 * MB);
    grow(first, 5.5 * MB);
    write(first);
    vi.advanceTimersByTime(59_999);
    expect([woken, first.hasRoom]).toEqual([[], false]);
    vi.advanceTimersByTime(1);
    expect([woken, first.hasRoom]).toEqual([['first'], true]);
  });

  it('do not wait if nobody else has memory', () => {
    const { open } = windows(MB);
    const alone = open('alone');
    grow(alone, 2 * MB);
    write(alone);
    expect([alone.hasRoom, alone.isWhole]).toEqual([true, false]);
  });

  it('keep their rows when they are written, as long as there is memory', () => {
    const { open } = windows(10 * MB);
    const window = open('window');
    grow(window, 8 * MB);
    write(window);
    expect(window.isWhole).toBe(true);
  });

  it('that are dropped while they wait are woken no more', () => {
    const { open, woken } = windows(10 * MB);
    const [first, second] = [open('first'), open('second')];
    grow(second, 5 * MB);
    grow(first, 5.5 * MB);
    write(first);
    first.drop();
    second.drop();
    vi.advanceTimersByTime(60_000);
    expect(woken).toEqual([]);
  });
});

describe('a window that is old', () => {
  it('is written after five seconds if that takes little time', () => {
    const window = new FoldWindow(books, new WindowMemory(), true);
    grow(window, 1000, 10);
    vi.advanceTimersByTime(4999);
    expect(window.isDue(false)).toBe(false);
    vi.advanceTimersByTime(1);
    expect(window.isDue(false)).toBe(true);
  });

  it('is folded ten times as long as it takes to write it, at most for a minute', () => {
    const window = new FoldWindow(books, new WindowMemory(), true);
    grow(window, 1000, 10);
    expect(write(window, 1000)).toBe(10);
    grow(window, 1000, 20);
    vi.advanceTimersByTime(19_999);
    expect(window.isDue(false)).toBe(false);
    vi.advanceTimersByTime(1);
    expect(window.isDue(false)).toBe(true);
    expect(write(window, 20_000)).toBe(20);
    grow(window, 1000, 20);
    vi.advanceTimersByTime(59_999);
    expect(window.isDue(false)).toBe(false);
    vi.advanceTimersByTime(1);
    expect(window.isDue(false)).toBe(true);
  });
});
