import { bigint, integer, text, uuid } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import { defineAggregate } from '../../../src/kernel/define/aggregate.ts';
import { defineCommand, reject } from '../../../src/kernel/define/command.ts';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { defineProjection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';

/** A domain as small as those that other event stores are measured with. */
export const MeterInstalled = defineEvent('MeterInstalled', { data: z.object({ label: z.string() }) });
export const MeterRead = defineEvent('MeterRead', { data: z.object({ value: z.int() }) });

interface MeterState {
  readonly installed: boolean;
  readonly readings: number;
}

/** Meters of which snapshots are taken as often as those of the product's aggregates unless `snapshot` says otherwise. */
export function defineMeter(snapshot?: { readonly every: number }) {
  return defineAggregate('Meter', {
    initialState: (): MeterState => ({ installed: false, readings: 0 }),
    events: { MeterInstalled, MeterRead },
    evolve: {
      MeterInstalled: (state) => ({ ...state, installed: true }),
      MeterRead: (state) => ({ ...state, readings: state.readings + 1 }),
    },
    ...(snapshot ? { snapshot } : {}),
  });
}

/** The commands for meters of one definition. */
export function meterCommands(aggregate: ReturnType<typeof defineMeter>) {
  return {
    installMeter: defineCommand('installMeter', {
      aggregate,
      creates: true,
      input: z.object({ id: z.uuid().toLowerCase().nullish(), label: z.string().trim().min(1).max(200) }),
      id: (input) => input.id ?? undefined,
      allow: ['staff', 'system'],
      decide: (meter, { label }) =>
        meter.installed ? reject('METER_ALREADY_INSTALLED', 'It is installed already.') : MeterInstalled({ label }),
    }),
    readMeter: defineCommand('readMeter', {
      aggregate,
      input: z.object({ id: z.uuid().toLowerCase(), value: z.int() }),
      id: (input) => input.id,
      allow: ['staff', 'system'],
      decide: (meter, { value }) => (meter.installed ? MeterRead({ value }) : reject('NO_METER', 'There is no meter.')),
    }),
  };
}

export const Meter = defineMeter();
export const { installMeter, readMeter } = meterCommands(Meter);

/** Read models that are all alike, of one row a stream: what one costs, and what several do. */
const NAMES = ['meters', 'meters_2', 'meters_3', 'meters_4', 'meters_5'] as const;

function tableOf(name: (typeof NAMES)[number]) {
  return readTable(name, {
    id: uuid('id').primaryKey(),
    label: text('label').notNull(),
    readings: integer('readings').notNull(),
    total: bigint('total', { mode: 'number' }).notNull(),
    version: integer('version').notNull(),
  });
}
export type MetersTable = ReturnType<typeof tableOf>;

/** The name of the read model with this table. */
const keyOf = (table: string) => table.replace('_', '');

function metersProjection(name: (typeof NAMES)[number]) {
  return defineProjection(keyOf(name), {
    table: tableOf(name),
    events: Meter.events,
    visibleTo: 'everyone',
    on: {
      MeterInstalled: ({ streamId: id, data, version }, { upsert }) =>
        upsert(id, () => ({ id, label: data.label, readings: 0, total: 0, version })),
      MeterRead: ({ streamId, data, version }, { update }) =>
        update(streamId, (row) => ({ ...row, readings: row.readings + 1, total: row.total + data.value, version })),
    },
  });
}

/** The meters with so many of their read models, none to five. */
export function meterDomain(readModels: number) {
  return defineDomain({
    name: 'meters',
    aggregates: [Meter],
    commands: [installMeter, readMeter],
    projections: NAMES.slice(0, readModels).map(metersProjection),
    graphql: undefined,
  });
}

/** Made before the engine starts, which measures only what comes then. */
export const createMetersTables = NAMES.map(
  (name) => `create table read.${name}_v1 (
    id uuid primary key, label text not null, readings int not null, total bigint not null, version int not null,
    last_position bigint not null,
    stale_since bigint
  );
  insert into read.read_models (key, name, version, tables)
  values ('${keyOf(name)}@1', '${keyOf(name)}', 1, '{${name}_v1}')`,
).join(';\n');
