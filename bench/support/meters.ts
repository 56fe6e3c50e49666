import { bigint, integer, text, uuid } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import { defineAggregate } from '../../src/kernel/define/aggregate.ts';
import { defineCommand, reject } from '../../src/kernel/define/command.ts';
import { defineDomain } from '../../src/kernel/define/domain.ts';
import { defineEvent } from '../../src/kernel/define/event.ts';
import { defineProjection } from '../../src/kernel/define/projection.ts';
import { readTable } from '../../src/kernel/define/read-table.ts';

/** A domain as small as those that other event stores are measured with. */
export const MeterInstalled = defineEvent('MeterInstalled', { data: z.object({ label: z.string() }) });
export const MeterRead = defineEvent('MeterRead', { data: z.object({ value: z.int() }) });

export const Meter = defineAggregate('Meter', {
  initialState: () => ({ installed: false }),
  events: { MeterInstalled, MeterRead },
  evolve: { MeterInstalled: () => ({ installed: true }) },
});

export const installMeter = defineCommand('installMeter', {
  aggregate: Meter,
  creates: true,
  input: z.object({ id: z.uuid().toLowerCase().nullish(), label: z.string().trim().min(1).max(200) }),
  id: (input) => input.id ?? undefined,
  allow: ['staff', 'system'],
  decide: (meter, { label }) =>
    meter.installed ? reject('METER_ALREADY_INSTALLED', 'It is installed already.') : MeterInstalled({ label }),
});

export const metersTable = readTable('meters', {
  id: uuid('id').primaryKey(),
  label: text('label').notNull(),
  readings: integer('readings').notNull(),
  total: bigint('total', { mode: 'number' }).notNull(),
  version: integer('version').notNull(),
});

/** One row a stream. */
export const meters = defineProjection('meters', {
  table: metersTable,
  events: Meter.events,
  visibleTo: 'everyone',
  on: {
    MeterInstalled: ({ streamId: id, data, version }, { upsert }) =>
      upsert(id, () => ({ id, label: data.label, readings: 0, total: 0, version })),
    MeterRead: ({ streamId, data, version }, { update }) =>
      update(streamId, (row) => ({ ...row, readings: row.readings + 1, total: row.total + data.value, version })),
  },
});

export const meterDomain = defineDomain({
  name: 'meters',
  aggregates: [Meter],
  commands: [installMeter],
  projections: [meters],
  graphql: undefined,
});

/** No migration of the product knows it. */
export const createMetersTable = `create table read.meters (
  id uuid primary key, label text not null, readings int not null, total bigint not null, version int not null,
  last_position bigint not null,
  stale_since bigint
)`;
