// Build A of an application: the older one.
import { index, integer, text, uuid } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import type { Api } from '../../../../src/graphql/index.ts';
import {
  defineApp,
  defineDomain,
  defineEvent,
  defineProjection,
  nonPersonal,
  readTable,
} from '../../../../src/index.ts';
import { roles } from '../../../../src/shop/roles.ts';
import { memosDomain } from './memos.ts';
import { defineParcels } from './parcels.ts';

const ParcelMoved = defineEvent('ParcelMoved', { data: z.object({ depot: nonPersonal(z.string()) }) });
const { Parcel, commands, Stamping } = defineParcels(ParcelMoved, ({ depot }) => ({ depot }));

const parcels = defineProjection('parcels', {
  description: 'Parcels as they are now.',
  table: readTable(
    'parcels',
    {
      id: uuid('id').primaryKey(),
      label: text('label').notNull(),
      note: text('note'),
      moves: integer('moves').notNull(),
      stamps: integer('stamps').notNull(),
      version: integer('version').notNull(),
    },
    (table) => [index('parcels_note').on(table.note)],
  ),
  events: Parcel.events,
  visibleTo: 'everyone',
  on: {
    ParcelRegistered: ({ streamId: id, data, version }, { upsert }) =>
      upsert(id, () => ({ id, ...data, note: null, moves: 0, stamps: 0, version })),
    ParcelRelabelled: ({ streamId, data, version }, { update }) =>
      update(streamId, (row) => ({ ...row, ...data, version })),
    ParcelMoved: ({ streamId, version }, { update }) =>
      update(streamId, (row) => ({ ...row, moves: row.moves + 1, version })),
    ParcelStamped: ({ streamId, version }, { update }) =>
      update(streamId, (row) => ({ ...row, stamps: row.stamps + 1, version })),
  },
});

const depots = defineProjection('depots', {
  description: 'How many parcels came to each depot.',
  table: readTable('depots', { depot: text('depot').primaryKey(), arrivals: integer('arrivals').notNull() }),
  events: Parcel.events,
  visibleTo: 'everyone',
  on: {
    ParcelMoved: ({ data: { depot } }, { upsert }) =>
      upsert(depot, (row) => ({ depot, arrivals: (row?.arrivals ?? 0) + 1 })),
  },
});

function graphql(api: Api): void {
  const Type = api.readModel('Parcel', parcels, {
    description: 'A parcel.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      label: t.exposeString('label', { description: 'What it says.' }),
      note: t.exposeString('note', { nullable: true, description: 'What somebody has noted.' }),
      moves: t.exposeInt('moves', { description: 'How often it was moved.' }),
      stamps: t.exposeInt('stamps', { description: 'How many of its moves are stamped.' }),
      version: t.exposeInt('version', { description: 'The version of its stream that this row reflects.' }),
    }),
  });
  api.queryByKey('parcel', Type, 'A parcel; null if there is none.');
  api.subscriptionToRow('parcelUpdated', Type, 'The parcel now, and again each time it changes.');
  const Depot = api.readModel('Depot', depots, {
    description: 'The parcels that came to a depot.',
    fields: (t) => ({
      depot: t.exposeString('depot', { description: 'Its name.' }),
      arrivals: t.exposeInt('arrivals', { description: 'How many came.' }),
    }),
  });
  const Depots = api.connection('Depot', Depot);
  api.builder.queryField('depots', (t) =>
    t.field({
      type: Depots,
      description: 'All depots.',
      args: api.pageArguments(t),
      resolve: (_, args, { rows }, info) =>
        rows.page(depots, { args, info, sortBy: depots.table.depot, direction: 'asc' }),
    }),
  );
}

const domain = defineDomain({
  name: 'parcels',
  aggregates: [Parcel],
  commands,
  projections: [parcels, depots],
  processes: [Stamping],
  graphql,
});

export default defineApp({ name: 'parcels', roles, developerRoles: ['admin'], domains: [domain, memosDomain(false)] });
