import { expect, test } from 'vitest';
import type { RecordedEvent } from '../../../src/kernel/define/event.ts';
import { CommitFeed } from '../../../src/kernel/log/commit-feed.ts';

const at = (...positions: number[]) => positions.map((position) => ({ position }) as RecordedEvent);
const positions = (events: readonly RecordedEvent[]) => events.map(({ position }) => position);

test('the feed returns the events after a position, up to a limit', () => {
  const feed = new CommitFeed(100);
  feed.push(at(1, 2, 3));
  feed.push(at(4, 5));
  expect(positions(feed.after(2, 2))).toEqual([3, 4]);
  expect(positions(feed.after(5, 10))).toEqual([]);
});

test('the feed never gives a stretch with a hole, wherever the hole came in', () => {
  const feed = new CommitFeed(100);
  feed.push(at(1, 2));
  feed.push(at(5, 6, 9, 10));
  expect(positions(feed.after(0, 10))).toEqual([]);
  expect(positions(feed.after(4, 10))).toEqual([]);
  expect(positions(feed.after(8, 10))).toEqual([9, 10]);
});

test('an event that the feed has already is ignored', () => {
  const feed = new CommitFeed(100);
  feed.push(at(1, 2, 3));
  feed.push(at(2, 3, 4));
  expect(positions(feed.after(0, 10))).toEqual([1, 2, 3, 4]);
});

test('the feed forgets the oldest beyond its limit', () => {
  const feed = new CommitFeed(3);
  for (let position = 1; position <= 50; position++) feed.push(at(position));
  expect(positions(feed.after(46, 10))).toEqual([]);
  expect(positions(feed.after(47, 10))).toEqual([48, 49, 50]);
});

const large = (...positions: number[]) =>
  positions.map((position) => ({ position, data: { text: 'x'.repeat(10_000) } }) as unknown as RecordedEvent);

test('the feed lets the oldest go when it has too many bytes, but holds one event however large it is', () => {
  const feed = new CommitFeed(100, 100_000);
  feed.push(large(1, 2, 3, 4, 5, 6, 7));
  expect(feed.bytes).toBeLessThanOrEqual(100_000);
  expect(positions(feed.after(2, 10))).toEqual([]);
  expect(positions(feed.after(3, 10))).toEqual([4, 5, 6, 7]);
  const tiny = new CommitFeed(100, 1);
  tiny.push(large(1, 2));
  expect(positions(tiny.after(1, 10))).toEqual([2]);
});

test('the feed gives no more bytes than asked for at a time, but one event at least', () => {
  const feed = new CommitFeed(100);
  feed.push(large(1, 2, 3, 4, 5, 6));
  expect(positions(feed.after(0, 10, 70_000))).toEqual([1, 2, 3]);
  expect(positions(feed.after(3, 10, 1))).toEqual([4]);
  expect(positions(feed.after(3, 2, 70_000))).toEqual([4, 5]);
});

test('the feed counts the bytes of its events while events are added and dropped', () => {
  const feed = new CommitFeed(50);
  const held = () => {
    let count = Math.min(last, 50);
    while (feed.after(last - count, 100, Number.MAX_SAFE_INTEGER).length < count) count--;
    return count;
  };
  const [one] = large(1);
  const each = new CommitFeed(1);
  each.push([one as RecordedEvent]);
  let last = 0;
  let read = 0;
  feed.addReader(() => read);
  for (let round = 0; round < 400; round++) {
    // A hole now and then.
    last += round % 37 === 0 ? 2 : 1;
    if (round % 11 === 0) read = last - 3;
    feed.push(large(last));
    expect(feed.bytes).toBe(held() * each.bytes);
  }
  read = last + 1;
  feed.push(large(last + 1));
  expect(feed.bytes).toBe(0);
});

test('the feed keeps events until all its readers have read them, and none while nobody reads', () => {
  const feed = new CommitFeed(100);
  const read = { slow: 1, quick: 3 };
  feed.addReader(() => read.slow);
  feed.addReader(() => read.quick);
  feed.push(at(1, 2, 3, 4));
  expect(positions(feed.after(1, 10))).toEqual([2, 3, 4]);
  read.slow = 4;
  feed.push(at(5));
  expect([positions(feed.after(2, 10)), positions(feed.after(3, 10))]).toEqual([[], [4, 5]]);
  read.slow = read.quick = Number.POSITIVE_INFINITY;
  feed.push(at(6));
  expect(positions(feed.after(5, 10))).toEqual([]);
});
