import { readFileSync } from 'node:fs';
import { text, uuid } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAggregate, unchanged } from '../../../src/kernel/define/aggregate.ts';
import { defineCommand } from '../../../src/kernel/define/command.ts';
import { defineEvent, UnreadableEventError } from '../../../src/kernel/define/event.ts';
import { defineProjection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { useDatabase } from '../../support/postgres/database.ts';

/** The later versions of the event: v1 had one line and kilograms, v2 grams, v3 separates recipient and address. */
const ParcelSent = defineEvent('ParcelSent', {
  version: 3,
  data: z.object({ recipient: z.string(), address: z.string(), grams: z.int().positive() }),
  upcast: {
    1: ({ weight, ...rest }) => ({ ...rest, grams: Math.round(Number(weight) * 1000) }),
    2: ({ to, ...rest }) => {
      const [recipient, ...address] = String(to).split(', ');
      return { ...rest, recipient, address: address.join(', ') };
    },
  },
});
const ParcelLost = defineEvent('ParcelLost', { data: z.object({}) });

const Parcel = defineAggregate('Parcel', {
  initialState: (): { recipient: string; grams: number } => ({ recipient: '', grams: 0 }),
  events: { ParcelSent, ParcelLost },
  evolve: { ParcelSent: (_, { data: { recipient, grams } }) => ({ recipient, grams }), ParcelLost: unchanged },
});
/** Answers what the state says, by the version that it needs to find it so. */
const sendAgain = defineCommand('sendAgain', {
  aggregate: Parcel,
  input: z.object({ id: z.uuid() }),
  id: (input) => input.id,
  allow: 'everyone',
  decide: ({ recipient, grams }) => ParcelSent({ recipient, address: 'the same', grams }),
});

const parcelsTable = readTable('parcels', { id: uuid('id').primaryKey(), recipient: text('recipient').notNull() });
const parcels = defineProjection('parcels', {
  table: parcelsTable,
  events: Parcel.events,
  visibleTo: 'everyone',
  on: {
    ParcelSent: ({ streamId, data }, { upsert }) =>
      upsert(streamId, () => ({ id: streamId, recipient: data.recipient })),
  },
});

const domain = {
  name: 'parcels',
  aggregates: [Parcel],
  commands: [sendAgain],
  projections: [parcels],
  graphql: undefined,
};
const database = useDatabase({ tables: [parcelsTable], per: 'emptied' });
const openEngine = useEngine(database, [domain]);

const fixture = readFileSync(new URL('fixtures/parcels.json', import.meta.url), 'utf8');

/** Puts the events into the log as former versions of the code stored them. */
const storeFixture = async () => {
  await database.sql.unsafe(
    `insert into es.events
       select row_number() over (), 'Parcel', stream_id, version, type, schema_version, data, '{}', gen_random_uuid(), null,
              gen_random_uuid(), now(), now()
       from jsonb_to_recordset($1::text::jsonb) as r(stream_id uuid, version int, type text, schema_version int, data jsonb)`,
    [fixture],
  );
  await database.sql`insert into es.streams select stream_type, stream_id, max(version), now() from es.events group by 1, 2`;
};

describe('events of former schema versions', () => {
  it('are read as the newest, through every upcaster from theirs on', async () => {
    await storeFixture();
    const { log } = await openEngine();
    expect((await log.read(0, 10)).map(({ type, data }) => ({ type, data }))).toEqual([
      { type: 'ParcelSent', data: { recipient: 'Ada Lovelace', address: "12 St James's Square, London", grams: 2500 } },
      { type: 'ParcelSent', data: { recipient: 'Grace Hopper', address: '1 Navy Yard, Washington', grams: 900 } },
      { type: 'ParcelSent', data: { recipient: 'Alan Turing', address: 'Bletchley Park', grams: 1200 } },
      { type: 'ParcelLost', data: {} },
    ]);
  });

  it('make the state that commands are decided on, and new ones are stored with the newest version', async () => {
    await storeFixture();
    const { bus } = await openEngine();
    const { position } = receiptOf(
      await bus.execute(sendAgain, { id: '5f0c8a52-9d1f-4b1e-8f2e-0c3a6b7d8e01' }, system),
    );
    const [row] = await database.sql`select schema_version, data from es.events where position = ${position}`;
    expect(row).toEqual({
      schema_version: 3,
      data: { recipient: 'Ada Lovelace', address: 'the same', grams: 2500 },
    });
  });

  it('make the rows of read models', async () => {
    await storeFixture();
    const { projector } = await openEngine({ start: true });
    await projector.positions.reached('parcels', 4);
    const rows = await database.sql`select recipient from read.parcels_v1 order by id`;
    expect(rows.map(({ recipient }) => recipient)).toEqual(['Ada Lovelace', 'Grace Hopper', 'Alan Turing']);
  });

  it('are left as they are in the log', async () => {
    await storeFixture();
    const { projector } = await openEngine({ start: true });
    await projector.positions.reached('parcels', 4);
    const rows =
      await database.sql`select stream_id, version, type, schema_version, data from es.events order by position`;
    expect([...rows]).toEqual(JSON.parse(fixture));
  });
});

describe('an event that cannot be read', () => {
  it.each([
    ['that is of a newer schema version than this code knows', 4, {}, 'this code knows versions 1 to 3'],
    ['that does not fit its schema', 3, { recipient: 'x', address: 'y', grams: -1 }, 'grams'],
    ['that does not fit after its upcasters', 1, { to: 'x, y' }, 'grams'],
  ])('is named with its place: one %s', async (_, schemaVersion, data, reason) => {
    await storeFixture();
    await database.sql`insert into es.events values
      (5, 'Parcel', gen_random_uuid(), 1, 'ParcelSent', ${schemaVersion}, ${database.sql.json(data)}, '{}',
       gen_random_uuid(), null, gen_random_uuid(), now(), now())`;
    const { log } = await openEngine();
    expect(await log.read(0, 4)).toHaveLength(4);
    const error = await log.read(0, 10).catch((failure) => failure);
    expect(error).toBeInstanceOf(UnreadableEventError);
    expect(error).toMatchObject({ position: 5, eventName: 'ParcelSent', schemaVersion });
    expect(error.message).toContain(`ParcelSent (schema version ${schemaVersion}) at position 5 cannot be read: `);
    expect(error.message).toContain(reason);
  });
});

describe('a definition', () => {
  it('needs an upcaster from each former version', () => {
    const data = z.object({});
    expect(() => defineEvent('E', { data, version: 3, upcast: { 1: (old) => old } })).toThrow(
      /no upcaster from version 2/,
    );
  });

  it('of an aggregate lists its events under their names', () => {
    const definition = { initialState: () => 0, events: { Lost: ParcelLost }, evolve: { Lost: unchanged } };
    expect(() => defineAggregate('Parcel', definition)).toThrow(/lists event ParcelLost under Lost/);
  });
});
