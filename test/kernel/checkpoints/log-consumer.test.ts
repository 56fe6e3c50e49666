import { describe, expect, it } from 'vitest';
import { type AfterFailure, LogConsumer, type LogPage } from '../../../src/kernel/checkpoints/log-consumer.ts';
import { PageReader } from '../../../src/kernel/checkpoints/page-reader.ts';
import type { RecordedEvent } from '../../../src/kernel/define/event.ts';
import { CommitFeed } from '../../../src/kernel/log/commit-feed.ts';
import { LogHead } from '../../../src/kernel/log/log-head.ts';
import { until } from '../../support/until.ts';

/** Sends events somewhere and moves its checkpoint behind them, as a publisher to a broker would. */
class Publisher extends LogConsumer<LogPage> {
  readonly head: LogHead;
  readonly log: RecordedEvent[] = [];
  readonly sent: number[] = [];
  readonly errors: unknown[] = [];
  /** Called before a page is returned. */
  before: (page: LogPage) => Promise<void> = async () => {};
  reaction: AfterFailure = 'again';
  limit = Number.POSITIVE_INFINITY;
  readonly #reader: PageReader<LogPage>;

  constructor() {
    const head = new LogHead();
    super('publisher', head);
    this.head = head;
    this.#reader = new PageReader({
      feed: new CommitFeed(1),
      fed: (events) => ({ events }),
      load: async (after, limit) => ({ events: this.log.filter(({ position }) => position > after).slice(0, limit) }),
    });
  }

  /** The log has grown to a position. @param isTold false if the consumer hears of that some other time. */
  grow(position: number, { isTold = true } = {}): void {
    this.log.push(...storedEvents(this.log.length + 1, position));
    if (isTold) this.tell(position);
  }

  tell(position: number): void {
    this.head.advance(position, undefined);
    this.wake();
  }

  protected override read(after: number): Promise<LogPage> {
    return this.#reader.read(after, 3);
  }

  protected override async handle(page: LogPage): Promise<void> {
    await this.before(page);
    for (const { position } of page.events) {
      this.sent.push(position);
      this.advancedTo(position);
    }
  }

  protected override get hasRoom(): boolean {
    return this.sent.length < this.limit;
  }

  protected override async failed(error: unknown): Promise<AfterFailure> {
    this.errors.push(error);
    return this.reaction;
  }

  protected override report(error: unknown): void {
    this.errors.push(error);
  }
}

/** Events from one position to another. */
const storedEvents = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, nth) => ({ position: from + nth }) as RecordedEvent);
const upTo = (position: number) => Array.from({ length: position }, (_, nth) => nth + 1);
const start = { position: 0, generation: 1, failure: null };

describe('a consumer of the log', () => {
  it('handles every event once and in order, those that come later too', async () => {
    const publisher = new Publisher();
    publisher.grow(7);
    publisher.start(start);
    await until(() => publisher.position === 7);
    publisher.grow(9);
    await until(() => publisher.position === 9);
    await publisher.stop();
    expect(publisher.sent).toEqual(upTo(9));
    expect(publisher.isRunning).toBe(false);
  });

  it('begins just after its checkpoint, and continues there after a stop', async () => {
    const publisher = new Publisher();
    publisher.grow(6);
    publisher.start({ ...start, position: 4 });
    await until(() => publisher.position === 6);
    await publisher.stop();
    publisher.grow(8);
    publisher.start({ ...start, position: publisher.position });
    await until(() => publisher.position === 8);
    await publisher.stop();
    expect(publisher.sent).toEqual([5, 6, 7, 8]);
  });

  it('retries a page that fails until it succeeds, and reports meanwhile which one it is', async () => {
    const publisher = new Publisher();
    const attempts: (number | undefined)[] = [];
    publisher.before = async ({ events }) => {
      attempts.push(publisher.inProgress?.first?.position);
      if (events[0]?.position === 4 && attempts.length < 4) throw new Error('the broker is away');
    };
    publisher.grow(6);
    publisher.start(start);
    await until(() => publisher.position === 6);
    await publisher.stop();
    expect(attempts).toEqual([1, 4, 4, 4]);
    expect(publisher.errors).toHaveLength(2);
    expect(publisher.sent).toEqual(upTo(6));
    expect(publisher.inProgress).toBeUndefined();
  });

  it('ends after a failure if it is told to', async () => {
    const publisher = new Publisher();
    publisher.reaction = 'end';
    publisher.before = () => Promise.reject(new Error('another instance owns it'));
    publisher.grow(2);
    publisher.start(start);
    await until(() => !publisher.isRunning);
    expect(publisher.sent).toEqual([]);
  });

  it('stops after the page in progress', async () => {
    const publisher = new Publisher();
    const sending = Promise.withResolvers<void>();
    publisher.before = () => sending.promise;
    publisher.grow(6);
    publisher.start(start);
    await until(() => publisher.inProgress?.events.length === 3);
    const stopped = publisher.stop();
    sending.resolve();
    await stopped;
    expect(publisher.sent).toEqual(upTo(3));
  });

  it('reads nothing while it has no room', async () => {
    const publisher = new Publisher();
    publisher.limit = 3;
    publisher.grow(6);
    publisher.start(start);
    await until(() => publisher.position === 3);
    publisher.grow(7);
    publisher.limit = 7;
    publisher.wake();
    await until(() => publisher.position === 7);
    await publisher.stop();
    expect(publisher.sent).toEqual(upTo(7));
  });

  it('waits for events that it was notified of and cannot find yet', async () => {
    const publisher = new Publisher();
    publisher.tell(2);
    publisher.start(start);
    await until(() => publisher.inProgress !== undefined);
    publisher.grow(2, { isTold: false });
    await until(() => publisher.position === 2);
    await publisher.stop();
    expect(publisher.errors).toEqual([]);
  });

  it('does not pass a hole in the log', async () => {
    const publisher = new Publisher();
    publisher.reaction = 'end';
    publisher.log.push(...storedEvents(2, 3));
    publisher.tell(3);
    publisher.start(start);
    await until(() => !publisher.isRunning);
    expect(publisher.sent).toEqual([]);
    expect(publisher.errors).toMatchObject([{ message: 'The log has a hole between 0 and 3.' }]);
  });
});
