import { describe, expect, it } from 'vitest';
import type { FormerRows } from '../../../src/kernel/notify/changed-rows.ts';
import {
  NotificationBuffer,
  type RemoteAdvance,
  readNotification,
} from '../../../src/kernel/notify/notification-buffer.ts';
import { fc } from '../../support/properties.ts';

const move = (from: number, to: number, keys: readonly string[] | null = [], generation = 1): RemoteAdvance => ({
  from,
  to,
  keys,
  lagMs: to,
  generation,
});
/** Rows with these fingerprints of their labels. */
const had = (...labels: string[]): FormerRows => ({ keyId: 'id', rows: labels.map((label) => ({ label })) });
const told = (buffer: NotificationBuffer) => readNotification(buffer.take('me', 7));

describe('the notification of an instance', () => {
  it('is one message, however much there was to tell, and then there is nothing', () => {
    const buffer = new NotificationBuffer();
    expect(buffer.isEmpty).toBe(true);
    for (let n = 1; n <= 10; n++) {
      buffer.appended(n, new Date(n));
      buffer.moved('a', move(n - 1, n, [`k${n % 3}`]));
    }
    buffer.released();
    expect(buffer.isEmpty).toBe(false);
    expect(told(buffer)).toEqual({
      sender: 'me',
      number: 7,
      head: 10,
      recordedAt: 10,
      moved: { a: move(0, 10, ['k1', 'k2', 'k0']) },
      released: true,
    });
    expect(buffer.isEmpty).toBe(true);
    expect(told(buffer)).toMatchObject({ head: 10, moved: {}, released: false });
  });

  it('names no rows if those of one of the advances are unknown', () => {
    const buffer = new NotificationBuffer();
    buffer.moved('a', move(5, 5, null));
    buffer.moved('a', move(5, 9, ['k']));
    expect(told(buffer)?.moved).toEqual({ a: move(5, 9, null) });
  });

  it('has only the last advance if it does not follow on from the one before, or is of another table', () => {
    const buffer = new NotificationBuffer();
    buffer.moved('a', move(0, 5, ['k']));
    buffer.moved('a', move(7, 9, ['l']));
    buffer.moved('b', move(0, 5, ['k']));
    buffer.moved('b', move(5, 6, ['l'], 2));
    expect(told(buffer)?.moved).toEqual({ a: move(7, 9, ['l']), b: move(5, 6, ['l'], 2) });
  });

  it('tells what rows were before each of several changes, unless that is unknown for one of them', () => {
    const buffer = new NotificationBuffer();
    buffer.moved('a', { ...move(0, 1, ['k']), former: had('red') });
    buffer.moved('a', { ...move(1, 2, ['k']), former: had('green') });
    buffer.moved('b', { ...move(0, 1, ['k']), former: had('red') });
    buffer.moved('b', move(1, 2, ['k']));
    expect(told(buffer)?.moved.a?.former).toEqual(had('red', 'green'));
    expect(told(buffer)?.moved.b?.former).toBeUndefined();
  });

  it('tells nothing of former rows if their fingerprints are of different keys', () => {
    const buffer = new NotificationBuffer();
    buffer.moved('a', { ...move(0, 1, ['k']), former: had('red') });
    buffer.moved('a', { ...move(1, 2, ['k']), former: { ...had('red'), keyId: 'another' } });
    expect(told(buffer)?.moved.a?.former).toBeUndefined();
  });

  it('leaves out what rows were before it leaves out which rows changed', () => {
    const buffer = new NotificationBuffer();
    const keys = Array.from({ length: 100 }, (_, nth) => `key ${nth}`);
    buffer.moved('a', { ...move(0, 1, keys), former: had(...keys.map(() => 'x'.repeat(80))) });
    buffer.moved('b', { ...move(0, 1, ['k']), former: had('red') });
    expect(told(buffer)?.moved).toEqual({
      a: move(0, 1, keys),
      b: { ...move(0, 1, ['k']), former: had('red') },
    });
  });

  it('is never too large for Postgres, and names all rows of an advance or none', () => {
    const key = fc.oneof(fc.uuid(), fc.string({ unit: 'binary', maxLength: 300 }));
    const projections = fc.uniqueArray(
      fc.tuple(fc.string({ minLength: 1, maxLength: 60 }), fc.uniqueArray(key, { maxLength: 60 })),
      {
        maxLength: 120,
        selector: ([name]) => name,
      },
    );
    fc.assert(
      fc.property(projections, (all) => {
        const buffer = new NotificationBuffer();
        for (const [name, keys] of all)
          for (const [n, each] of keys.entries()) buffer.moved(name, move(n, n + 1, [each]));
        const payload = buffer.take('me', 1);
        expect(Buffer.byteLength(payload)).toBeLessThan(8000);
        const news = readNotification(payload);
        for (const [name, told] of Object.entries(news?.moved ?? {})) {
          const keys = all.find(([each]) => each === name)?.[1] ?? [];
          if (told.keys) expect(new Set(told.keys)).toEqual(new Set(keys));
          expect([told.from, told.to]).toEqual([0, keys.length]);
        }
      }),
    );
  });

  it.each(['', 'x1y2', '{', 'null', '1', '{"sender":1,"head":2,"moved":{}}', '{"sender":"a","head":1,"moved":null}'])(
    'is not read from the payload %j',
    (payload) => {
      expect(readNotification(payload)).toBeUndefined();
    },
  );
});
