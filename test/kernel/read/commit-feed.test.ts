import { expect, test } from 'vitest';
import type { RecordedEvent } from '../../../src/kernel/define/event.ts';
import { CommitFeed } from '../../../src/kernel/read/commit-feed.ts';

const at = (...positions: number[]) => positions.map((position) => ({ position }) as RecordedEvent);
const positions = (events: readonly RecordedEvent[]) => events.map(({ position }) => position);

test('the feed gives what follows on from a position, at most so many', () => {
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

test('an event that the feed has already is passed over', () => {
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
