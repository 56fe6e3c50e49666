import { describe, expect, it } from 'vitest';
import { SLICE_BYTES, SlicedWriter } from '../../../src/database/link/sliced-writer.ts';

/** A socket that takes bytes when the test says so. */
function openWriter() {
  const given: Buffer[] = [];
  const taken: (() => void)[] = [];
  const events: string[] = [];
  const socket = {
    write: (bytes: Buffer, done?: () => void) => {
      given.push(bytes);
      taken.push(() => done?.());
      return true;
    },
    end: () => {
      events.push('end');
      return socket;
    },
  };
  const writer = new SlicedWriter(socket as never, () => events.push('drain'));
  /** Gives the network time to take the socket's data. */
  const take = async () => {
    taken.shift()?.();
    await new Promise(setImmediate);
  };
  const written = () => Buffer.concat(given).toString();
  return { writer, events, given, take, written };
}
const text = (letter: string, slices: number) => Buffer.from(letter.repeat(slices * SLICE_BYTES));

describe('messages to Postgres', () => {
  it('are written at once if they are small', () => {
    const { writer, given } = openWriter();
    expect(writer.write(Buffer.from('a'))).toBe(true);
    expect(writer.write(text('b', 1))).toBe(true);
    expect(given).toHaveLength(2);
    expect(writer.queued).toBe(0);
  });

  it('are written a slice at a time if they are large, and those that follow wait for them', async () => {
    const { writer, given, events, take, written } = openWriter();
    const done: string[] = [];
    expect(writer.write(text('a', 2.5), () => done.push('a'))).toBe(false);
    expect(writer.write(Buffer.from('b'), () => done.push('b'))).toBe(false);
    expect(given).toHaveLength(1);
    expect(writer.queued).toBe(1.5 * SLICE_BYTES + 1);
    await take();
    expect(given.map(({ length }) => length)).toEqual([SLICE_BYTES, SLICE_BYTES]);
    expect(done).toEqual([]);
    await take();
    await take();
    expect(done).toEqual(['a']);
    expect(events).toEqual([]);
    await take();
    expect(done).toEqual(['a', 'b']);
    expect(events).toEqual(['drain']);
    expect(written()).toBe(`${text('a', 2.5)}b`);
    expect(writer.queued).toBe(0);
    expect(writer.write(Buffer.from('c'))).toBe(true);
  });

  it('are all written before the connection ends', async () => {
    const { writer, events, take, written } = openWriter();
    writer.write(text('a', 2));
    writer.end(Buffer.from('x'));
    await take();
    await take();
    expect(events).toEqual([]);
    await take();
    expect(events).toEqual(['end']);
    expect(written()).toBe(`${text('a', 2)}x`);
  });
});
