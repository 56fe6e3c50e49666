import { notes } from '../../../src/domains/notes/read-models.ts';
import { type Caller, type Context, createContext, type Shared } from '../../../src/graphql/context.ts';
import { LiveUpdates } from '../../../src/graphql/live/live-updates.ts';
import { LiveRows } from '../../../src/graphql/live/rows/live-rows.ts';
import { ReadModels } from '../../../src/graphql/read/read-models.ts';
import { Positions } from '../../../src/kernel/consistency/positions.ts';
import type { Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { Courier } from '../../../src/kernel/notify/courier.ts';
import { Hub, type ProjectionMoved } from '../../../src/kernel/notify/hub.ts';
import { Mailbox } from '../../../src/kernel/notify/mailbox.ts';
import type { RowValues } from '../../../src/kernel/read/fold/working-rows.ts';
import { counters, customer } from '../../support/kernel/counter.ts';
import { delaysInto, faultsInto } from '../../support/kernel/observers.ts';

/** A read model that a test holds in its hands, with what looks at it live. */
export class Stage {
  readonly faults: unknown[] = [];
  readonly hub = new Hub(faultsInto(this.faults));
  readonly positions = new Positions(['counters', 'others', 'notes'], 10_000);
  /** The end of the log. */
  readonly head = { position: 1000 };
  readonly rows = new Map<string, RowValues>();
  /** Keys of the rows that were read, in this order. */
  readonly reads: string[] = [];
  readonly registry = {
    projections: new Map([counters, notes].map((each) => [each.name, each as unknown as Projection])),
  };
  /** For each statement, the number of rows that were looked up to decide who may see them. */
  readonly looks: number[] = [];
  /** Reads that fail from now on. */
  failing = 0;
  readonly live: LiveRows;
  readonly updates: LiveUpdates;
  #position = 0;

  constructor() {
    const observer = delaysInto(this.faults);
    const sources = { readModels: this.#readModels(), hub: this.hub, courier: new Courier(observer), observer };
    this.live = new LiveRows(sources);
    this.updates = new LiveUpdates({ ...sources, registry: this.registry });
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

  /** What operations share. */
  get shared(): Shared {
    const { registry, positions, hub, head, live, updates } = this;
    const tokens = { encode: String, decode: Number };
    const engine = { registry, readSide: { positions, hub }, projector: { head, status: () => [] }, tokens };
    return {
      engine: engine as unknown as Context['engine'],
      readModels: this.#readModels(),
      ...{ live, updates },
      answerLimits: { answerBytes: 10_000_000, readBytes: 10_000_000 },
    };
  }

  /** A context for one subscription. */
  context(caller: Partial<Caller> = {}): Context {
    return createContext(this.shared, { actor: customer('ada'), correlationId: 'test', ...caller });
  }

  #readModels(): ReadModels {
    const { rows, reads } = this;
    const row = async (_: Projection, key: string) => {
      reads.push(key);
      if (this.failing-- > 0) throw new Error('The database is away.');
      return rows.get(key) ?? null;
    };
    const propertiesOf = async (_: Projection, __: readonly string[], keys: readonly string[]) => {
      this.looks.push(keys.length);
      if (this.failing-- > 0) throw new Error('The database is away.');
      return new Map(keys.flatMap((key) => (rows.has(key) ? [[key, rows.get(key) as RowValues] as const] : [])));
    };
    return Object.assign(new ReadModels(undefined as never), { row, propertiesOf });
  }
}

/** Values that wait for their reader. */
export function waitingIn(messages: AsyncIterableIterator<unknown>): number {
  if (!(messages instanceof Mailbox)) throw new Error('This is no mailbox.');
  return messages.size;
}
