import { integer, uuid } from 'drizzle-orm/pg-core';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { defineProjection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';
import { Counter, counterDomain } from './counter.ts';

/** Tables with the sums of counters, one as good as the other: projections to share. */
export const sumTables = [1, 2, 3, 4, 5].map((n) =>
  readTable(`sums_${n}`, { id: uuid('id').primaryKey(), sum: integer('sum').notNull() }),
);

export const sums = sumTables.map((table, n) =>
  defineProjection(`sums_${n + 1}`, {
    table,
    events: Counter.events,
    visibleTo: 'everyone',
    on: {
      CounterOpened: ({ streamId }, { upsert }) => upsert(streamId, () => ({ id: streamId, sum: 0 })),
      CounterIncremented: ({ streamId, data }, { update }) =>
        update(streamId, (row) => ({ ...row, sum: row.sum + data.by })),
    },
  }),
);

/** The counters with five projections that are each as much work. */
export const fleetDomain = defineDomain({ ...counterDomain, projections: sums });
