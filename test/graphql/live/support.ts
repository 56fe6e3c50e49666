import { type Caller, type Context, createContext } from '../../../src/graphql/context.ts';
import { LiveRows } from '../../../src/graphql/live/live-rows.ts';
import { ReadModels } from '../../../src/graphql/read/read-models.ts';
import { Positions } from '../../../src/kernel/consistency/positions.ts';
import type { Projection } from '../../../src/kernel/define/projection.ts';
import { Hub, type ProjectionMoved } from '../../../src/kernel/notify/hub.ts';
import { Mailbox } from '../../../src/kernel/notify/mailbox.ts';
import type { Row } from '../../../src/kernel/read/slots.ts';
import { counters, customer } from '../../support/counter.ts';

/** A read model that a test holds in its hands, with what looks at it live. */
export class Stage {
  readonly hub = new Hub((error) => this.faults.push(error));
  readonly positions = new Positions(['counters', 'others'], 10_000);
  readonly faults: unknown[] = [];
  readonly rows = new Map<string, Row>();
  /** Keys of the rows that were read, in this order. */
  readonly reads: string[] = [];
  /** Reads that fail from now on. */
  failing = 0;
  readonly live: LiveRows;
  #position = 0;

  constructor() {
    this.live = new LiveRows(this.#readModels(), this.hub, (error) => this.faults.push(error));
  }

  /** Writes a row, as the projector does. */
  write(key: string, value: number): void {
    this.rows.set(key, { id: key, label: 'a counter', value, closed: false, lastPosition: this.#position + 1 });
    this.move({ keys: new Set([key]) });
  }

  remove(key: string): void {
    this.rows.delete(key);
    this.move({ keys: new Set([key]) });
  }

  /** Moves the read model on by one event. */
  move(moved: Partial<ProjectionMoved> = {}): void {
    const position = ++this.#position;
    const all = { projection: 'counters', position, keys: new Set<string>(), lagMs: 0, ...moved };
    this.positions.advance(all.projection, position);
    this.hub.publish(all);
  }

  /** A context for one subscription. */
  context(caller: Partial<Caller> = {}): Context {
    const registry = { projections: new Map([['counters', counters as unknown as Projection]]) };
    const engine = { registry, readSide: { positions: this.positions, hub: this.hub } };
    return createContext(
      { engine: engine as unknown as Context['engine'], readModels: this.#readModels(), live: this.live },
      { actor: customer('ada'), correlationId: 'test', ...caller },
    );
  }

  #readModels(): ReadModels {
    const { rows, reads } = this;
    const row = async (_: Projection, key: string) => {
      reads.push(key);
      if (this.failing-- > 0) throw new Error('The database is away.');
      return rows.get(key) ?? null;
    };
    return Object.assign(new ReadModels(undefined as never), { row });
  }
}

/** Values that wait for their reader. */
export function waitingIn(messages: AsyncIterableIterator<unknown>): number {
  if (!(messages instanceof Mailbox)) throw new Error('This is no mailbox.');
  return messages.size;
}
