// Build B of the same application: the newer one. Its read models have other columns, keys and indexes, and one of its events has
// another schema version. Clients of build A find everything that they ask for.
import { index, integer, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
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

const Text = nonPersonal(z.string());
const ParcelMoved = defineEvent('ParcelMoved', {
  version: 2,
  data: z.object({ depot: Text, by: Text }),
  upcast: { 1: (old) => ({ ...old, by: 'van' }) },
});
const { Parcel, commands, Stamping } = defineParcels(ParcelMoved, ({ depot }) => ({ depot, by: 'bicycle' }));

const parcels = defineProjection('parcels', {
  description: 'Parcels as they are now.',
  version: 2,
  table: readTable(
    'parcels',
    {
      id: uuid('id').primaryKey(),
      // Renamed.
      title: text('title').notNull(),
      // New.
      carrier: text('carrier').notNull(),
      // The note is gone.
      moves: integer('moves').notNull(),
      stamps: integer('stamps').notNull(),
      version: integer('version').notNull(),
    },
    (table) => [index('parcels_carrier').on(table.carrier, table.id)],
  ),
  events: Parcel.events,
  visibleTo: 'everyone',
  on: {
    ParcelRegistered: ({ streamId: id, data: { label: title }, version }, { upsert }) =>
      upsert(id, () => ({ id, title, carrier: 'nobody', moves: 0, stamps: 0, version })),
    ParcelRelabelled: ({ streamId, data: { label: title }, version }, { update }) =>
      update(streamId, (row) => ({ ...row, title, version })),
    ParcelMoved: ({ streamId, data: { by: carrier }, version }, { update }) =>
      update(streamId, (row) => ({ ...row, carrier, moves: row.moves + 1, version })),
    ParcelStamped: ({ streamId, version }, { update }) =>
      update(streamId, (row) => ({ ...row, stamps: row.stamps + 1, version })),
  },
});

const depots = defineProjection('depots', {
  description: 'How many parcels came to each depot, and how.',
  version: 2,
  table: readTable(
    'depots',
    { depot: text('depot').notNull(), by: text('by').notNull(), arrivals: integer('arrivals').notNull() },
    (table) => [primaryKey({ columns: [table.depot, table.by] })],
  ),
  events: Parcel.events,
  visibleTo: 'everyone',
  on: {
    ParcelMoved: ({ data: { depot, by } }, { upsert }) =>
      upsert([depot, by], (row) => ({ depot, by, arrivals: (row?.arrivals ?? 0) + 1 })),
  },
});

function graphql(api: Api): void {
  const Type = api.readModel('Parcel', parcels, {
    description: 'A parcel.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Its id.' }),
      label: t.exposeString('title', { description: 'What it says.' }),
      carrier: t.exposeString('carrier', { description: 'Who moved it last.' }),
      moves: t.exposeInt('moves', { description: 'How often it was moved.' }),
      stamps: t.exposeInt('stamps', { description: 'How many of its moves are stamped.' }),
      version: t.exposeInt('version', { description: 'The version of its stream that this row reflects.' }),
    }),
  });
  api.queryByKey('parcel', Type, 'A parcel; null if there is none.');
  api.subscriptionToRow('parcelUpdated', Type, 'The parcel now, and again each time it changes.');
  const Depot = api.readModel('Depot', depots, {
    description: 'The parcels that came to a depot in one way.',
    fields: (t) => ({
      depot: t.exposeString('depot', { description: 'Its name.' }),
      by: t.exposeString('by', { description: 'How they came.' }),
      arrivals: t.exposeInt('arrivals', { description: 'How many came.' }),
    }),
  });
  const Depots = api.connection('Depot', Depot);
  api.builder.queryField('depots', (t) =>
    t.field({
      type: Depots,
      description: 'All depots, in each way that parcels came.',
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

export default defineApp({ name: 'parcels', roles, developerRoles: ['admin'], domains: [domain, memosDomain(true)] });
