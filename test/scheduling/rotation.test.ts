import { expect, it } from 'vitest';
import { Rotation } from '../../src/scheduling/rotation.ts';

function waiting(...things: readonly [key: string, thing: number][]): Rotation<number> {
  const rotation = new Rotation<number>();
  for (const [key, thing] of things) rotation.add(key, thing);
  return rotation;
}
function all(rotation: Rotation<number>): string[] {
  const taken: string[] = [];
  for (let next = rotation.next(); next; next = rotation.next()) taken.push(`${next.key}${next.thing}`);
  return taken;
}

it('gives everybody a turn before anybody has a second one, and keeps the order of each', () => {
  const rotation = waiting(['a', 1], ['a', 2], ['a', 3], ['b', 1], ['c', 1], ['c', 2]);
  expect(all(rotation)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
  expect(rotation.isEmpty).toBe(true);
});

it('gives those who come later their turn before those who had one', () => {
  const rotation = waiting(['a', 1], ['a', 2], ['a', 3]);
  rotation.next();
  rotation.next();
  rotation.add('b', 1);
  expect(all(rotation)).toEqual(['a3', 'b1']);
  rotation.add('a', 4);
  rotation.add('a', 5);
  rotation.next();
  rotation.add('b', 2);
  rotation.add('a', 6);
  expect(all(rotation)).toEqual(['a5', 'b2', 'a6']);
});

it('skips those who may not have a turn, and they keep their place', () => {
  const rotation = waiting(['a', 1], ['b', 1]);
  expect(rotation.next((key) => key !== 'a')).toEqual({ key: 'b', thing: 1 });
  expect(rotation.next((key) => key !== 'a')).toBeUndefined();
  expect(all(rotation)).toEqual(['a1']);
});

it('knows how much waits, and for whom', () => {
  const rotation = waiting(['a', 1], ['a', 2], ['b', 1]);
  expect([rotation.size, rotation.has('a'), rotation.has('c')]).toEqual([3, true, false]);
  all(rotation);
  expect([rotation.size, rotation.has('a')]).toEqual([0, false]);
});
