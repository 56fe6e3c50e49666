import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IdleMoves } from '../../../src/kernel/checkpoints/idle-moves.ts';
import type { AfterFailure, LogPage } from '../../../src/kernel/checkpoints/log-consumer.ts';
import { PassingConsumer } from '../../../src/kernel/checkpoints/passing-consumer.ts';
import type { RecordedEvent } from '../../../src/kernel/define/event.ts';
import { LogHead } from '../../../src/kernel/log/log-head.ts';
import { until } from '../../support/until.ts';

/** Only events at positions that can be divided by ten concern it. */
class Tens extends PassingConsumer<LogPage> {
  readonly head: LogHead;
  /** Every move of the checkpoint: from where, to where, and whether it passed events only. */
  readonly moves: [from: number, to: number, kind: 'passed' | 'worked'][] = [];
  readonly errors: unknown[] = [];
  /** After which positions a page was read. */
  readonly reads: number[] = [];
  /** Called before a page is read. */
  beforeRead: (after: number) => void = () => {};
  /** Called before the checkpoint is moved. */
  before: () => Promise<void> = async () => {};

  constructor(idleMoves: IdleMoves) {
    const head = new LogHead();
    super('tens', head, idleMoves);
    this.head = head;
  }

  get done(): number {
    return this.doneTo;
  }

  grow(position: number): void {
    this.head.advance(position, undefined);
    this.wake();
  }

  protected override async read(after: number): Promise<LogPage> {
    this.reads.push(after);
    this.beforeRead(after);
    const length = Math.min(3, this.head.position - after);
    return { events: Array.from({ length }, (_, nth) => ({ position: after + nth + 1 }) as RecordedEvent) };
  }

  protected override passes({ events }: LogPage): boolean {
    return events.every(({ position }) => position % 10 !== 0);
  }

  protected override passed(): void {}

  protected override work({ events }: LogPage): Promise<void> {
    return this.#move(events.at(-1)?.position ?? 0, 'worked').then((to) => this.advancedTo(to));
  }

  protected override async moveTo(to: number): Promise<void> {
    await this.#move(to, 'passed');
  }

  async #move(to: number, kind: 'passed' | 'worked'): Promise<number> {
    const from = this.position;
    await this.before();
    // Postgres refuses a move from elsewhere.
    expect(from).toBe(this.moves.at(-1)?.[1] ?? 0);
    this.moves.push([from, to, kind]);
    return to;
  }

  protected override async failed(error: unknown): Promise<AfterFailure> {
    this.errors.push(error);
    await this.rewind();
    return 'later';
  }

  protected override report(error: unknown): void {
    this.errors.push(error);
  }
}

let mayWait: boolean;
let consumer: Tens;
beforeEach(() => {
  mayWait = true;
  consumer = new Tens(new IdleMoves(() => mayWait));
  consumer.start({ position: 0, generation: 1, failure: null });
});
afterEach(() => consumer.stop());

describe('a consumer that most events do not concern', () => {
  it('passes them at once, and moves its checkpoint for all of them together', async () => {
    consumer.grow(9);
    await until(() => consumer.done === 9);
    expect(consumer.moves).toEqual([]);
    await until(() => consumer.position === 9);
    expect(consumer.moves).toEqual([[0, 9, 'passed']]);
  });

  it('moves its checkpoint past them with the next event that concerns it', async () => {
    consumer.grow(10);
    await until(() => consumer.position === 10);
    expect(consumer.moves).toEqual([[0, 10, 'worked']]);
  });

  it('handles no page while its checkpoint is being moved', async () => {
    const { promise: mayMove, resolve: letMove } = Promise.withResolvers<void>();
    const { promise: moves, resolve: beginsToMove } = Promise.withResolvers<void>();
    consumer.before = async () => {
      beginsToMove();
      await mayMove;
    };
    consumer.grow(9);
    await moves;
    consumer.grow(10);
    letMove();
    await until(() => consumer.position === 10);
    expect(consumer.moves).toEqual([
      [0, 9, 'passed'],
      [9, 10, 'worked'],
    ]);
    expect(consumer.errors).toEqual([]);
  });

  it('reads nothing again if reading fails while its checkpoint is being moved past what it has read', async () => {
    const { promise: mayMove, resolve: letMove } = Promise.withResolvers<void>();
    const { promise: moves, resolve: beginsToMove } = Promise.withResolvers<void>();
    let failures = 1;
    consumer.before = () => {
      beginsToMove();
      return mayMove;
    };
    consumer.beforeRead = (after) => {
      if (after === 9 && failures-- > 0) throw new Error('No connection.');
    };
    consumer.grow(9);
    await moves;
    consumer.grow(12);
    await until(() => consumer.errors.length === 1);
    letMove();
    await until(() => consumer.position === 12);
    expect(consumer.reads).toEqual([0, 3, 6, 9, 9]);
  });

  it('moves its checkpoint when it is stopped', async () => {
    consumer.grow(9);
    await until(() => consumer.done === 9);
    await consumer.stop();
    expect(consumer.moves).toEqual([[0, 9, 'passed']]);
  });

  it('moves it page by page while others read it', async () => {
    mayWait = false;
    consumer.grow(6);
    await until(() => consumer.position === 6);
    expect(consumer.moves).toEqual([
      [0, 3, 'worked'],
      [3, 6, 'worked'],
    ]);
  });

  it('reports if its checkpoint cannot be moved, and tries again', async () => {
    let failures = 2;
    consumer.before = async () => {
      if (failures-- > 0) throw new Error('No connection.');
    };
    consumer.grow(9);
    await until(() => consumer.position === 9);
    expect(consumer.errors).toHaveLength(1);
    expect(consumer.moves.at(-1)?.[1]).toBe(9);
  });
});
