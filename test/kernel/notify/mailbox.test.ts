import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { Mailbox } from '../../../src/kernel/notify/mailbox.ts';

const done = { value: undefined, done: true };
const value = <T>(it: T) => ({ value: it, done: false });

describe('reading', () => {
  it('begins with the first next(), so that a reader that never reads is never subscribed', async () => {
    const start = vi.fn();
    const box = new Mailbox<number>({ start });
    expect(box[Symbol.asyncIterator]()).toBe(box);
    expect(start).not.toHaveBeenCalled();
    const first = box.next();
    expect(start).toHaveBeenCalledOnce();
    box.put('a', 1);
    expect(await first).toEqual(value(1));
    void box.next();
    expect(start).toHaveBeenCalledOnce();
  });

  it('gets what was put while starting', async () => {
    const box: Mailbox<number> = new Mailbox({ start: () => box.put('a', 1) });
    expect(await box.next()).toEqual(value(1));
  });

  it('gets what starting throws, and then the end', async () => {
    const onClose = vi.fn();
    const box = new Mailbox<number>({
      start: () => {
        throw new Error('no');
      },
      onClose,
    });
    await expect(box.next()).rejects.toThrow('no');
    expect(await box.next()).toEqual(done);
    expect(onClose).toHaveBeenCalledOnce();
  });

  it('is one reader’s: a second next() before the first is answered is refused', async () => {
    const box = new Mailbox<number>();
    const first = box.next();
    await expect(box.next()).rejects.toThrow('one reader');
    box.put('a', 1);
    expect(await first).toEqual(value(1));
  });

  it('by for await ends with the mailbox', async () => {
    const box = new Mailbox<number>();
    box.put('a', 1);
    box.put('b', 2);
    box.end();
    const got: number[] = [];
    for await (const each of box) got.push(each);
    expect(got).toEqual([1, 2]);
  });

  it('by for await that is left closes it', async () => {
    const onClose = vi.fn();
    const box = new Mailbox<number>({ onClose });
    box.put('a', 1);
    for await (const _ of box) break;
    expect(onClose).toHaveBeenCalledOnce();
    expect(await box.next()).toEqual(done);
  });
});

describe('what waits', () => {
  it('is the latest value of each key, in the order in which the keys came', async () => {
    const box = new Mailbox<string>();
    for (let n = 0; n < 10_000; n++) box.put(`key ${n % 3}`, `value ${n}`);
    expect(box.size).toBe(3);
    expect([await box.next(), await box.next(), await box.next()]).toEqual(
      ['value 9999', 'value 9997', 'value 9998'].map(value),
    );
    expect(box.size).toBe(0);
  });

  it('is what merge makes of two values for one key', async () => {
    const box = new Mailbox<number[]>({ merge: (before, now) => [...before, ...now] });
    box.put('a', [1]);
    box.put('a', [2]);
    expect(await box.next()).toEqual(value([1, 2]));
    box.put('a', [3]);
    expect(await box.next()).toEqual(value([3]));
  });

  it('is reported as coalesced only if it replaces a waiting one', async () => {
    const onCoalesced = vi.fn();
    const box = new Mailbox<number>({ onCoalesced });
    box.put('a', 1);
    box.put('b', 1);
    expect(onCoalesced).not.toHaveBeenCalled();
    box.put('a', 2);
    expect(onCoalesced).toHaveBeenCalledOnce();
    expect(await box.next()).toEqual(value(2));
    box.put('a', 3);
    expect(onCoalesced).toHaveBeenCalledOnce();
  });

  it('may be undefined, and is merged then too', async () => {
    const merge = vi.fn((before: undefined | number, now: undefined | number) => before ?? now ?? -1);
    const box = new Mailbox<undefined | number>({ merge });
    box.put('a', undefined);
    box.put('a', undefined);
    expect(merge).toHaveBeenCalledOnce();
    expect(await box.next()).toEqual(value(-1));
  });
});

describe('putting something in', () => {
  it('does nothing after the end, whichever it was', async () => {
    const ends: ((box: Mailbox<number>) => unknown)[] = [
      (box) => box.end(),
      (box) => box.fail(new Error('failed')),
      (box) => box.return(),
      (box) => box.throw(new Error('thrown')).catch(() => undefined),
    ];
    for (const end of ends) {
      const box = new Mailbox<number>();
      await end(box);
      box.put('a', 1);
      expect(box.size).toBe(0);
    }
  });

  it('never throws: the reader gets the error of merge', async () => {
    const box = new Mailbox<number>({
      merge: () => {
        throw new Error('cannot be merged');
      },
    });
    box.put('a', 1);
    box.put('a', 2);
    await expect(box.next()).rejects.toThrow('cannot be merged');
    expect(await box.next()).toEqual(done);
  });
});

describe('return()', () => {
  it('settles a next() that waits, at once', async () => {
    const onClose = vi.fn();
    const box = new Mailbox<number>({ onClose });
    const pending = box.next();
    expect(await box.return()).toEqual(done);
    expect(await pending).toEqual(done);
    expect(await box.next()).toEqual(done);
    expect(onClose).toHaveBeenCalledOnce();
  });

  it('before anything was read never starts, and drops what waits', async () => {
    const start = vi.fn();
    const box = new Mailbox<number>({ start });
    box.put('a', 1);
    await box.return();
    expect(await box.next()).toEqual(done);
    expect(start).not.toHaveBeenCalled();
  });

  it('twice, with end() and fail() after it, closes once', async () => {
    const onClose = vi.fn();
    const box = new Mailbox<number>({ onClose });
    await box.return();
    await box.return();
    box.end();
    box.fail(new Error('late'));
    expect(await box.next()).toEqual(done);
    expect(onClose).toHaveBeenCalledOnce();
  });

  it('is what `await using` does', async () => {
    const onClose = vi.fn();
    {
      await using _box = new Mailbox<number>({ onClose });
    }
    expect(onClose).toHaveBeenCalledOnce();
  });
});

describe('end()', () => {
  it('lets the reader have what waits first', async () => {
    const onClose = vi.fn();
    const box = new Mailbox<number>({ onClose });
    box.put('a', 1);
    box.end();
    expect(onClose).not.toHaveBeenCalled();
    expect([await box.next(), await box.next()]).toEqual([value(1), done]);
    expect(onClose).toHaveBeenCalledOnce();
  });

  it('ends a next() that waits', async () => {
    const box = new Mailbox<number>();
    const pending = box.next();
    box.end();
    expect(await pending).toEqual(done);
  });
});

describe('fail()', () => {
  it('reaches a next() that waits, or the next one, once', async () => {
    for (const waits of [true, false]) {
      const onClose = vi.fn();
      const box = new Mailbox<number>({ onClose });
      const pending = waits ? box.next() : undefined;
      pending?.catch(() => undefined);
      box.put('a', 1);
      if (waits) await pending;
      const next = waits ? box.next() : undefined;
      next?.catch(() => undefined);
      box.fail(new Error('failed'));
      await expect(next ?? box.next()).rejects.toThrow('failed');
      expect(await box.next()).toEqual(done);
      expect(onClose).toHaveBeenCalledOnce();
    }
  });

  it('that nobody reads hurts nobody', async () => {
    const box = new Mailbox<number>();
    box.fail(new Error('unheard'));
    // By then Node would have reported a rejection that nobody handles.
    await turn();
    expect(await box.return()).toEqual(done);
  });
});
