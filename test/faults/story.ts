import { Tokens } from '../../src/kernel/consistency/token.ts';
import type { Columns, Evidence, LoggedEvent, Table } from './checker/evidence.ts';
import { nameOf } from './checker/log.ts';
import type { History, Observation, SeenRow, StreamName, Timed } from './history.ts';

/** The checker's input: what clients were told, and what is stored. */
export interface Story {
  readonly histories: readonly History[];
  readonly evidence: Evidence;
}

export const EPOCH = '0b7c1b1e-8a07-4f0c-9a5f-3d8f7c2d9a10';
const tokens = new Tokens(EPOCH);
/** The token of a position. */
export const at = (position: number) => tokens.encode(position);

export const ada: StreamName = { type: 'Customer', id: 'ada' };
export const order: StreamName = { type: 'Order', id: 'order' };

/** The rows of the streams at each version. */
const STATES: Readonly<Record<string, readonly Columns[]>> = {
  [nameOf(ada)]: [{ name: 'Ada' }, { name: 'Grace' }],
  [nameOf(order)]: [{ status: 'PLACED' }, { status: 'CONFIRMED' }, { status: 'SHIPPED' }],
};

const events: readonly LoggedEvent[] = [
  event(1, ada, 1, 'CustomerRegistered', 'register'),
  event(2, order, 1, 'OrderPlaced', 'place'),
  event(3, ada, 2, 'CustomerRenamed', 'rename'),
  event(4, order, 2, 'OrderConfirmed', 'confirm'),
  event(5, order, 3, 'OrderShipped', 'ship'),
];

/** A row as somebody was shown it. */
export function shown(stream: StreamName, version: number): SeenRow {
  return { stream, version, columns: stateOf(stream, version) ?? {} };
}

/**
 * A true story: of a customer and an order; of a command that leaves no event, one that is sent again, one that is refused,
 * one of which nobody knows what became of it and nothing did, and one of which nobody knows though it is in the log.
 */
export function honestStory(): Story {
  return {
    histories: [
      history('shopper', [
        ...command(1, 'register', ada, 'CustomerRegistered', { version: 1, token: at(1) }),
        ...command(2, 'place', order, 'OrderPlaced', { version: 1, token: at(2) }),
        read([at(1), at(2)], at(2), [shown(ada, 1), shown(order, 1)]),
        sent(3, 'rename', ada, 'CustomerRenamed'),
        { is: 'unknown', attempt: 3, commandId: 'rename', reason: 'TimeoutError' },
        ...command(4, 'rename', ada, 'CustomerRenamed', { version: 2, token: at(3) }),
        ...command(5, 'rename', ada, 'CustomerRenamed', { version: 2, token: at(3), replayed: true }),
        ...command(6, 'confirm', order, 'OrderConfirmed', { version: 2, token: at(4) }),
        ...command(7, 'rename-to-the-same', ada, 'CustomerRenamed', { version: 2, token: at(4) }),
        sent(8, 'confirm-again', order, 'OrderConfirmed'),
        refused(8, 'confirm-again', 'CommandRejected', 'ORDER_ALREADY_SHIPPED'),
        { is: 'unread', instance: 'A', after: [at(4)], code: 'CONSISTENCY_TIMEOUT' },
        {
          ...read([at(2), at(4)], at(4), [shown(order, 2)]),
          allOf: { type: 'Order', column: 'customerId', value: 'ada' },
        },
        sent(9, 'cancel', order, 'OrderCancelled'),
        { is: 'unknown', attempt: 9, commandId: 'cancel', reason: 'ECONNRESET' },
        sent(10, 'ship', order, 'OrderShipped'),
        { is: 'unknown', attempt: 10, commandId: 'ship', reason: 'OUTCOME_UNKNOWN' },
      ]),
      history('watcher', [
        { is: 'subscribed', subscription: 'one', to: { stream: order }, after: at(2) },
        { is: 'shown', subscription: 'one', row: shown(order, 1) },
        { is: 'interrupted', subscription: 'one', code: '1006' },
        { is: 'subscribed', subscription: 'one', to: { stream: order }, after: at(2) },
        { is: 'shown', subscription: 'one', row: shown(order, 3) },
        { is: 'subscribed', subscription: 'all', to: { projections: ['orders'] }, after: at(1) },
        { is: 'moved', subscription: 'all', projection: 'orders', token: at(2), keys: null },
        { is: 'moved', subscription: 'all', projection: 'orders', token: at(5), keys: ['order'] },
      ]),
    ],
    evidence: {
      epoch: EPOCH,
      events,
      receipts: [{ commandId: 'rename-to-the-same', stream: ada, version: 2, position: 4 }],
      streams: [
        { stream: ada, version: 2 },
        { stream: order, version: 3 },
      ],
      tables: [table('customers', ada), table('orders', order)],
      rowAt: stateOf,
      crashes: [],
      unmet: [],
    },
  };
}

/** The story with another log. */
export function withEvents(story: Story, change: (events: readonly LoggedEvent[]) => readonly LoggedEvent[]): Story {
  return { ...story, evidence: { ...story.evidence, events: change(story.evidence.events) } };
}

/** The story with another table. */
export function withTable(story: Story, projection: string, change: (table: Table) => Partial<Table>): Story {
  const tables = story.evidence.tables.map((one) => (one.projection === projection ? { ...one, ...change(one) } : one));
  return { ...story, evidence: { ...story.evidence, tables } };
}

/** The story as it would be if a client remembered something else. */
export function withRecords(story: Story, client: string, change: (records: readonly Timed[]) => Observation[]): Story {
  const histories = story.histories.map((one) => (one.client === client ? history(client, change(one.records)) : one));
  return { ...story, histories };
}

/** An event that is its command's only one. */
export function event(
  position: number,
  stream: StreamName,
  version: number,
  type: string,
  commandId: string,
): LoggedEvent {
  return { position, stream, version, type, commandId, closes: true, recordedAtMs: position * 1000 };
}

/** A command that was sent and acknowledged. */
export function command(
  attempt: number,
  commandId: string,
  stream: StreamName,
  eventType: string,
  receipt: { readonly version: number; readonly token: string; readonly replayed?: boolean },
): Observation[] {
  return [
    sent(attempt, commandId, stream, eventType),
    { is: 'acknowledged', attempt, commandId, aggregateId: stream.id, replayed: false, ...receipt },
  ];
}

export function sent(attempt: number, commandId: string, stream: StreamName, eventType: string): Observation {
  return { is: 'sent', attempt, commandId, command: commandId, stream, event: eventType, instance: 'A' };
}

export function refused(attempt: number, commandId: string, type: string, code = type): Observation {
  return { is: 'refused', attempt, commandId, type, code };
}

/** A query; it was asked right before it was answered. */
export function read(after: readonly string[], token: string, rows: readonly SeenRow[]): Observation & { is: 'read' } {
  return { is: 'read', by: 'query', askedAt: -1, instance: 'B', after, token, stale: false, rows };
}

function history(client: string, observations: readonly Observation[]): History {
  const records = observations.map((observation, index): Timed => {
    return observation.is === 'read' ? { ...observation, askedAt: index, at: index } : { ...observation, at: index };
  });
  return { client, records };
}

function table(projection: string, stream: StreamName): Table {
  const states = STATES[nameOf(stream)] ?? [];
  const row = { ...states.at(-1), ...(stream === order ? { customerId: 'ada' } : {}) };
  return {
    projection,
    streamType: stream.type,
    live: new Map([[stream.id, row]]),
    folded: new Map([[stream.id, { ...row }]]),
    checkpoint: { position: 5, failure: null },
    parked: 0,
  };
}

function stateOf(stream: StreamName, version: number): Columns | undefined {
  return STATES[nameOf(stream)]?.[version - 1];
}
