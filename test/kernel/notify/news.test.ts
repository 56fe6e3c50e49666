import { describe, expect, it } from 'vitest';
import { type Move, NewsDesk, readNews } from '../../../src/kernel/notify/news.ts';
import { fc } from '../../support/properties.ts';

const move = (from: number, to: number, keys: readonly string[] | null = [], generation = 1): Move => ({
  from,
  to,
  keys,
  lagMs: to,
  generation,
});
const told = (desk: NewsDesk) => readNews(desk.take('me', 7));

describe('the news of an instance', () => {
  it('are one message, however much there was to tell, and then there is nothing', () => {
    const desk = new NewsDesk();
    expect(desk.isEmpty).toBe(true);
    for (let n = 1; n <= 10; n++) {
      desk.appended(n, new Date(n));
      desk.moved('a', move(n - 1, n, [`k${n % 3}`]));
    }
    desk.released();
    expect(desk.isEmpty).toBe(false);
    expect(told(desk)).toEqual({
      sender: 'me',
      number: 7,
      head: 10,
      recordedAt: 10,
      moved: { a: move(0, 10, ['k1', 'k2', 'k0']) },
      released: true,
    });
    expect(desk.isEmpty).toBe(true);
    expect(told(desk)).toMatchObject({ head: 10, moved: {}, released: false });
  });

  it('do not say which rows where that is not known of one of the moves', () => {
    const desk = new NewsDesk();
    desk.moved('a', move(5, 5, null));
    desk.moved('a', move(5, 9, ['k']));
    expect(told(desk)?.moved).toEqual({ a: move(5, 9, null) });
  });

  it('are of the last stretch only if one does not follow on from the other, or the table is another', () => {
    const desk = new NewsDesk();
    desk.moved('a', move(0, 5, ['k']));
    desk.moved('a', move(7, 9, ['l']));
    desk.moved('b', move(0, 5, ['k']));
    desk.moved('b', move(5, 6, ['l'], 2));
    expect(told(desk)?.moved).toEqual({ a: move(7, 9, ['l']), b: move(5, 6, ['l'], 2) });
  });

  it('fit into a notification whatever there is to tell, and never name some of the rows only', () => {
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
        const desk = new NewsDesk();
        for (const [name, keys] of all)
          for (const [n, each] of keys.entries()) desk.moved(name, move(n, n + 1, [each]));
        const payload = desk.take('me', 1);
        expect(Buffer.byteLength(payload)).toBeLessThan(8000);
        const news = readNews(payload);
        for (const [name, told] of Object.entries(news?.moved ?? {})) {
          const keys = all.find(([each]) => each === name)?.[1] ?? [];
          if (told.keys) expect(new Set(told.keys)).toEqual(new Set(keys));
          expect([told.from, told.to]).toEqual([0, keys.length]);
        }
      }),
    );
  });

  it.each(['', 'x1y2', '{', 'null', '1', '{"sender":1,"head":2,"moved":{}}', '{"sender":"a","head":1,"moved":null}'])(
    'are none in the payload %j',
    (payload) => {
      expect(readNews(payload)).toBeUndefined();
    },
  );
});
