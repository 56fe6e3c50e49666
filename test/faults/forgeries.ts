import { Tokens } from '../../src/kernel/consistency/token.ts';
import type { Table, Unmet } from './checker/evidence.ts';
import type { ViolationKind } from './checker/violation.ts';
import type { Observation, Timed } from './history.ts';
import {
  ada,
  at,
  command,
  event,
  order,
  read,
  refused,
  type Story,
  sent,
  shown,
  withEvents,
  withRecords,
  withTable,
} from './story.ts';

/** Additional observations of one client. */
export const alsoSays =
  (...more: readonly Observation[]) =>
  (story: Story) =>
    withRecords(story, 'shopper', (records) => [...records, ...more]);
/** Observations of the watcher that replace some of its own. */
const watcherSays = (change: (records: readonly Timed[]) => Observation[]) => (story: Story) =>
  withRecords(story, 'watcher', change);
const hasEvents = (change: Parameters<typeof withEvents>[1]) => (story: Story) => withEvents(story, change);
/** The log without an event, the later ones moved up. */
const without = (commandId: string) =>
  hasEvents((events) =>
    events.filter((one) => one.commandId !== commandId).map((one, index) => ({ ...one, position: index + 1 })),
  );
const last = event(6, ada, 3, 'CustomerRenamed', 'more');
export const withLast =
  (change: Partial<typeof last>) =>
  (story: Story): Story => {
    const longer = withEvents(story, (events) => [...events, { ...last, ...change }]);
    const streams = [
      { stream: ada, version: 3 },
      { stream: order, version: 3 },
    ];
    const tables = longer.evidence.tables.map((table) => ({ ...table, checkpoint: { position: 6, failure: null } }));
    return { ...longer, evidence: { ...longer.evidence, streams, tables } };
  };
const foreign = new Tokens('7d8a4a3e-50f5-4b57-8a14-6f0d7a1f6c11').encode(3);

/** The story of an order of two pieces that ends in this status, in a shop that has so many. */
export const inStock =
  (status: string, product: { readonly stock: number; readonly reserved: number }) =>
  (story: Story): Story => {
    const rows = new Map([['order', { status, customerId: 'ada', items: [{ productId: 'teapot', quantity: 2 }] }]]);
    const told = withTable(story, 'orders', () => ({ live: rows, folded: rows }));
    const [first] = told.evidence.tables;
    const teapots = new Map([['teapot', product]]);
    const products = { ...first, projection: 'products', streamType: 'Product', live: teapots, folded: teapots };
    return { ...told, evidence: { ...told.evidence, tables: [...told.evidence.tables, products as Table] } };
  };

/** The story with a process that waits for what is due then, because of the event that was recorded at 1000 ms. */
export const withDeadline =
  ({ setMs, reachedAtMs }: { readonly setMs: number; readonly reachedAtMs: number }) =>
  (story: Story): Story => {
    const process = { type: 'Fulfilment', id: 'order' };
    const set = { ...event(6, process, 1, 'DeadlineSet', 'set'), cause: 1, dueMs: setMs };
    const reached = { ...event(7, process, 2, 'DeadlineReached', 'reached'), cause: 6, dueMs: setMs };
    return withEvents(story, (events) => [...events, set, { ...reached, recordedAtMs: reachedAtMs }]);
  };
const unmetBy =
  (expected: Unmet['expected']) =>
  (story: Story): Story => ({ ...story, evidence: { ...story.evidence, unmet: [{ expected, facts: {} }] } });

type Forgery = readonly [what: string, forge: (story: Story) => Story];

/** For each kind of violation, stories that are forged so. */
export const FORGERIES: Readonly<Record<ViolationKind, readonly Forgery[]>> = {
  'positions are not dense': [
    ['a hole', hasEvents((events) => events.map((one) => (one.position === 5 ? { ...one, position: 6 } : one)))],
    ['one twice', hasEvents((events) => events.map((one) => (one.position === 5 ? { ...one, position: 4 } : one)))],
    ['one that is not 1 first', hasEvents((events) => events.map((one) => ({ ...one, position: one.position + 1 })))],
  ],
  'versions are not 1..n': [
    ['a hole', hasEvents((events) => events.map((one) => (one.position === 5 ? { ...one, version: 4 } : one)))],
    ['one twice', hasEvents((events) => events.map((one) => (one.position === 5 ? { ...one, version: 2 } : one)))],
    [
      'a stream whose row is behind',
      (story) => ({ ...story, evidence: { ...story.evidence, streams: [{ stream: ada, version: 2 }] } }),
    ],
  ],
  'acknowledged and lost': [
    ['an event that is gone', without('confirm')],
    ['a receipt without an event', (story) => ({ ...story, evidence: { ...story.evidence, receipts: [] } })],
    ['one more acknowledged', alsoSays(...command(20, 'never', order, 'OrderCancelled', { version: 4, token: at(5) }))],
  ],
  'in the log twice': [
    ['a second event', withLast({ commandId: 'rename' })],
    [
      'an event and a receipt',
      (story) => {
        const receipts = [...story.evidence.receipts, { commandId: 'rename', stream: ada, version: 2, position: 3 }];
        return { ...story, evidence: { ...story.evidence, receipts } };
      },
    ],
    ['events of which none is the last', hasEvents((events) => events.map((one) => ({ ...one, closes: false })))],
  ],
  'wrong receipt': [
    [
      'another version',
      alsoSays(...command(20, 'confirm', order, 'OrderConfirmed', { version: 3, token: at(4), replayed: true })),
    ],
    [
      'another position',
      alsoSays(...command(20, 'confirm', order, 'OrderConfirmed', { version: 2, token: at(5), replayed: true })),
    ],
    [
      'another stream',
      alsoSays(...command(20, 'confirm', ada, 'OrderConfirmed', { version: 2, token: at(4), replayed: true })),
    ],
    ['new more than once', alsoSays(...command(20, 'confirm', order, 'OrderConfirmed', { version: 2, token: at(4) }))],
    [
      'another event',
      hasEvents((events) => events.map((one) => (one.position === 4 ? { ...one, type: 'OrderCancelled' } : one))),
    ],
  ],
  'refused and in the log': [
    [
      'by a rule',
      (story) =>
        alsoSays(sent(20, 'more', ada, 'CustomerRenamed'), refused(20, 'more', 'CommandRejected'))(withLast({})(story)),
    ],
    [
      'for want of room',
      (story) =>
        alsoSays(sent(20, 'more', ada, 'CustomerRenamed'), refused(20, 'more', 'THROTTLED'))(withLast({})(story)),
    ],
  ],
  'wrong refusal': [
    [
      'after a receipt',
      alsoSays(sent(20, 'confirm', order, 'OrderConfirmed'), refused(20, 'confirm', 'CommandRejected')),
    ],
    ['as another command', alsoSays(sent(20, 'new', order, 'OrderConfirmed'), refused(20, 'new', 'CommandIdReused'))],
    ['as about nothing', alsoSays(sent(20, 'new', order, 'OrderConfirmed'), refused(20, 'new', 'AggregateNotFound'))],
  ],
  'from nobody': [
    ['an event', withLast({})],
    ['an event that follows from a later one', withLast({ cause: 7 })],
  ],
  'stock is not held': [
    ['held for nobody', inStock('SHIPPED', { stock: 2, reserved: 2 })],
    ['not held', inStock('CONFIRMED', { stock: 2, reserved: 0 })],
    ['more than there is', inStock('CONFIRMED', { stock: 1, reserved: 2 })],
  ],
  'order left alone': [['placed', inStock('PLACED', { stock: 2, reserved: 0 })]],
  'token not reflected': [
    ['an older row', alsoSays(read([at(3)], at(4), [shown(ada, 1)]))],
    ['an older row after a token that is not its own', alsoSays(read([at(5)], at(5), [shown(ada, 1)]))],
    ['no row', alsoSays(read([at(2)], at(4), [shown(order, 0)]))],
    ["a receipt's own query", alsoSays({ ...read([at(4)], at(4), [shown(order, 1)]), by: 'receipt' })],
    [
      'a list that leaves one out',
      alsoSays({ ...read([at(4)], at(4), []), allOf: { type: 'Order', column: 'customerId', value: 'ada' } }),
    ],
  ],
  'never so': [
    ['another content', alsoSays(read([at(4)], at(4), [{ ...shown(order, 2), columns: { status: 'DELIVERED' } }]))],
    ['a version that is not there', alsoSays(read([at(4)], at(4), [{ ...shown(order, 3), version: 4 }]))],
    [
      'in a subscription',
      watcherSays((records) => [
        ...records,
        { is: 'shown', subscription: 'one', row: { ...shown(order, 3), columns: { status: 'PLACED' } } },
      ]),
    ],
  ],
  'token not honoured': [
    ['in a read', alsoSays({ is: 'unread', instance: 'A', after: [at(4)], code: 'TOKEN_AHEAD' })],
    [
      'in a subscription',
      watcherSays((records) => [...records, { is: 'interrupted', subscription: 'one', code: 'FOREIGN_TOKEN' }]),
    ],
  ],
  'no such token': [
    ['of another store', alsoSays(read([], foreign, []))],
    ['past the end', alsoSays(read([], at(6), []))],
    ['garbled', alsoSays(read([], 'token', []))],
  ],
  'token went back': [
    ['below what was sent', alsoSays(read([at(4)], at(3), [shown(ada, 2)]))],
    ['below what was observed', alsoSays(read([at(1)], at(3), [shown(ada, 2)]))],
    [
      'of a new command',
      (story) =>
        alsoSays(
          read([], at(6), []),
          ...command(20, 'ship', order, 'OrderShipped', { version: 3, token: at(5) }),
        )(withLast({})(story)),
    ],
  ],
  'table differs': [
    [
      'another value',
      (story) =>
        withTable(story, 'orders', () => ({ live: new Map([['order', { status: 'PLACED', customerId: 'ada' }]]) })),
    ],
    ['a row that is missing', (story) => withTable(story, 'customers', () => ({ live: new Map() }))],
    [
      'a row too many',
      (story) => withTable(story, 'customers', ({ live }) => ({ live: new Map([...live, ['eve', { name: 'Eve' }]]) })),
    ],
  ],
  'not caught up': [
    ['behind', (story) => withTable(story, 'orders', () => ({ checkpoint: { position: 4, failure: null } }))],
    ['failed', (story) => withTable(story, 'orders', () => ({ checkpoint: { position: 5, failure: 'It failed.' } }))],
    ['with something parked', (story) => withTable(story, 'orders', () => ({ parked: 1 }))],
    ['never begun', (story) => withTable(story, 'orders', () => ({ checkpoint: undefined }))],
  ],
  'subscription not at the end': [
    ['an older state', watcherSays((records) => records.filter((one) => one.is !== 'shown' || one.row.version < 3))],
    ['nothing at all', watcherSays((records) => records.filter(({ is }) => is !== 'shown'))],
    [
      'a key that was not named',
      watcherSays((records) =>
        records.map((one) => (one.is === 'moved' && one.keys ? { ...one, keys: ['other'] } : one)),
      ),
    ],
    [
      'a read model that moved on',
      watcherSays((records) => records.filter((one) => one.is !== 'moved' || one.keys === null)),
    ],
  ],
  'subscription went back': [
    [
      'a row',
      watcherSays((records) => [
        ...records,
        ...[1, 3].map((version) => ({ is: 'shown', subscription: 'one', row: shown(order, version) }) as const),
      ]),
    ],
    [
      'a read model',
      watcherSays((records) => [
        ...records,
        { is: 'moved', subscription: 'all', projection: 'orders', token: at(4), keys: null },
      ]),
    ],
  ],
  'deadline came early': [
    ['reached too early', withDeadline({ setMs: 31_000, reachedAtMs: 30_998 })],
    ['set too near', withDeadline({ setMs: 30_000, reachedAtMs: 60_000 })],
  ],
  'server ended by itself': [
    ['once', (story) => ({ ...story, evidence: { ...story.evidence, crashes: [{ instance: 'A', code: 1 }] } })],
  ],
  'server did not serve': [['after a fault', unmetBy('server serves')]],
  'readiness did not tell': [['during a fault', unmetBy('readiness tells')]],
};
