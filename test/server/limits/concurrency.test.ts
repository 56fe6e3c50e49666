import { describe, expect, it } from 'vitest';
import { Concurrency, takeAll } from '../../../src/server/limits/concurrency.ts';

describe('what a key may hold at the same time', () => {
  it('is bounded for each key on its own, and free again when it is given back', () => {
    const places = new Concurrency('address_sockets', 2, 'Too many.');
    const first = places.take('a');
    places.take('a');
    expect(() => places.take('a')).toThrow(/Too many\. Try again in 1000 ms\./);
    places.take('b');
    first();
    places.take('a');
    expect(() => places.take('a')).toThrow();
  });

  it('is given back once, however often that is said', () => {
    const places = new Concurrency('address_sockets', 2, 'Too many.');
    const first = places.take('a');
    places.take('a');
    for (let times = 0; times < 3; times++) first();
    places.take('a');
    expect(() => places.take('a')).toThrow();
  });

  it('costs nothing once nothing is held', () => {
    const places = new Concurrency('address_sockets', 1, 'Too many.');
    const releases = Array.from({ length: 1000 }, (_, key) => places.take(`address ${key}`));
    expect(places.keys).toBe(1000);
    for (const release of releases) release();
    expect(places.keys).toBe(0);
  });

  it('is not counted if there is no limit or no key', () => {
    const unlimited = new Concurrency('address_sockets', 0, '');
    const limited = new Concurrency('address_sockets', 1, '');
    for (let times = 0; times < 5; times++) {
      unlimited.take('a');
      limited.take(undefined);
    }
    expect([unlimited.keys, limited.keys]).toEqual([0, 0]);
  });

  it('of several kinds is taken together or not at all', () => {
    const [actors, addresses] = [5, 1].map((most) => new Concurrency('actor_operations', most, '')) as [
      Concurrency,
      Concurrency,
    ];
    const take = () =>
      takeAll(
        () => actors.take('a'),
        () => addresses.take('b'),
      );
    const release = take();
    expect(take).toThrow();
    release();
    expect([actors.keys, addresses.keys]).toEqual([0, 0]);
  });
});
