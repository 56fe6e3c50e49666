import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Credentials } from '../../client/src/core/credentials.ts';
import { UnreachableError } from '../../client/src/core/errors.ts';
import { Listeners } from '../../client/src/core/listeners.ts';
import { Tokens } from '../../client/src/core/tokens.ts';
import { type Opening, type Sink, Stream, type StreamParts } from '../../client/src/streams/stream.ts';
import { openWindow } from './window.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A subscription over a way that the test holds in its hands. */
function subscribe(sink: Partial<Sink> = {}) {
  const openings: Opening[] = [];
  const told: number[] = [];
  const parts: StreamParts = {
    transport: {
      open: (_operation, _token, opening) => {
        openings.push(opening);
        return () => {};
      },
      reset: () => {},
    },
    credentials: new Credentials(
      () => undefined,
      () => {},
    ),
    tokens: new Tokens(() => {}),
    streams: new Set(),
    note: () => {},
    interrupted: ({ failures }) => told.push(failures),
  };
  const operation = { query: 'subscription { projectionUpdated { token } }', variables: {} };
  const stream = new Stream(operation, { next: () => {}, error: () => {}, complete: () => {}, ...sink }, parts);
  const lose = () => openings.at(-1)?.lost({ error: new UnreachableError('cut') });
  return { stream, openings, told, lose };
}

/** Longer than the longest pause before the first five attempts. */
const PAUSE_MS = 10_000;

describe('a subscription that was interrupted', () => {
  it('goes on if it is open for a minute, although it has nothing to say', async () => {
    const { openings, told, lose } = subscribe();
    await vi.advanceTimersByTimeAsync(0);
    lose();
    await vi.advanceTimersByTimeAsync(PAUSE_MS);
    lose();
    await vi.advanceTimersByTimeAsync(PAUSE_MS);
    expect([openings.length, told]).toEqual([3, [1, 2]]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([openings.length, told]).toEqual([3, [1, 2, 0]]);
    lose();
    expect(told).toEqual([1, 2, 0, 1]);
  });

  it('is not opened again if it is ended during the pause', async () => {
    const { stream, openings, told, lose } = subscribe();
    await vi.advanceTimersByTimeAsync(0);
    lose();
    stream.stop();
    await vi.advanceTimersByTimeAsync(100_000);
    expect([openings.length, told]).toEqual([1, [1]]);
  });

  it('is opened again as soon as the window says that there is a connection, and once', async () => {
    const { window, listening } = openWindow();
    const { openings, told, lose } = subscribe();
    await vi.advanceTimersByTimeAsync(0);
    for (let failures = 0; failures < 5; failures++) {
      lose();
      window.dispatchEvent(new Event('online'));
      window.dispatchEvent(new Event('online'));
      await vi.advanceTimersByTimeAsync(0);
    }
    expect([openings.length, told, listening.size]).toEqual([6, [1, 2, 3, 4, 5], 0]);
  });

  it('listens to the window no more when it is ended', async () => {
    const { window, listening } = openWindow();
    const { stream, openings, lose } = subscribe();
    await vi.advanceTimersByTimeAsync(0);
    lose();
    expect(listening.size).toBe(1);
    stream.stop();
    window.dispatchEvent(new Event('online'));
    await vi.advanceTimersByTimeAsync(0);
    expect([openings.length, listening.size, vi.getTimerCount()]).toEqual([1, 0, 0]);
  });

  it('ignores what an earlier opening still says', async () => {
    const { openings, told, lose } = subscribe();
    await vi.advanceTimersByTimeAsync(0);
    lose();
    await vi.advanceTimersByTimeAsync(PAUSE_MS);
    openings[0]?.lost({});
    openings[0]?.complete();
    openings[0]?.next({ data: {} });
    expect([openings.length, told]).toEqual([2, [1]]);
  });
});

describe('a subscription whose messages the application cannot take', () => {
  it('does not count as lost, and what the application throws is an uncaught error of the page', async () => {
    const reports: (() => void)[] = [];
    vi.stubGlobal('queueMicrotask', (report: () => void) => reports.push(report));
    const fault = () => {
      throw new RangeError('a fault of the page');
    };
    const { openings, told } = subscribe({ next: fault, complete: fault });
    await vi.advanceTimersByTimeAsync(0);
    openings[0]?.next({ data: {} });
    openings[0]?.next({ data: {} });
    openings[0]?.complete();
    await vi.advanceTimersByTimeAsync(PAUSE_MS);
    expect([openings.length, told]).toEqual([1, []]);
    expect(reports).toHaveLength(3);
    for (const report of reports) expect(report).toThrow('a fault of the page');
  });
});

describe('a listener that throws', () => {
  it('keeps nothing from the others', () => {
    const reports: (() => void)[] = [];
    vi.stubGlobal('queueMicrotask', (report: () => void) => reports.push(report));
    const heard: string[] = [];
    const listeners = new Listeners<string>();
    listeners.add(() => {
      throw new RangeError('a fault of the page');
    });
    listeners.add((event) => heard.push(event));
    listeners.tell('something');
    expect([heard, reports.length]).toEqual([['something'], 1]);
    expect(reports[0]).toThrow('a fault of the page');
  });
});
