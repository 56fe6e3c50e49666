import { primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Api } from '../../../src/graphql/index.ts';
import { schemaOf } from '../../../src/graphql/schema.ts';
import { defineCommand } from '../../../src/kernel/define/command.ts';
import { defineProjection, type Projection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';
import { Lamp, lampDomain, lamps, mistakeOf } from '../../kernel/define/mistakes/support.ts';

const places = defineProjection('places', {
  table: readTable('places', { id: uuid('id').notNull(), room: text('room').notNull() }, ({ id, room }) => [
    primaryKey({ columns: [id, room] }),
  ]),
  events: Lamp.events,
  visibleTo: 'everyone',
  on: { LampLit: ({ streamId: id, data: { room } }, { upsert }) => upsert([id, room], () => ({ id, room })) },
});

const typeOver = (api: Api, projection: Projection) =>
  api.readModel('Place', projection, { description: 'A place.', fields: () => ({}) });

/** The mistake that the schema of the lamps is refused with. */
const refused = (projections: readonly unknown[], graphql: (api: Api) => void) =>
  mistakeOf(() => schemaOf({ domains: [{ ...lampDomain(), projections: projections as Projection[], graphql }] }));

describe('the schema', () => {
  it('is refused if it reads from a projection that no domain lists', () => {
    const anonymous = places as unknown as Projection;
    const sentence =
      'The API reads from projection places, which is in no domain: nothing fills its table. Add it to the projections of its domain.';
    const facts = { projection: 'places' };
    expect(refused([lamps], (api) => typeOver(api, anonymous))).toMatchObject({
      code: 'NOT_MOUNTED',
      facts,
      message: sentence,
    });
    expect(refused([lamps], (api) => api.readsFrom(places)).message).toBe(sentence);
    expect(refused([lamps], (api) => api.typeOf(places)).message).toBe(sentence);
  });

  it('is refused if a type leads to a domain that comes later', () => {
    expect(refused([lamps, places], (api) => api.typeOf(places))).toMatchObject({
      code: 'MOUNTED_LATER',
      message:
        'Projection places has no type yet: its domain comes later. Put that domain before this one in the domains of the application.',
    });
  });

  it('is refused if the key of a node has several columns, or is no id', () => {
    const anonymous = places as unknown as Projection;
    const node = (api: Api) =>
      api.readModel('Place', anonymous, { node: true, description: 'A place.', fields: () => ({}) });
    expect(refused([lamps, anonymous], node)).toMatchObject({
      code: 'KEY_UNSUPPORTED',
      facts: { type: 'Place', projection: 'places', columns: ['id', 'room'] },
      message: expect.stringContaining('the key of projection places is id and room'),
    });
  });

  it('is refused if a query for former states is given the type of the present rows', () => {
    const graphql = (api: Api) =>
      api.queryAsOf('placeAsOf', typeOver(api, places as unknown as Projection) as never, 'A place as it was.');
    expect(refused([lamps, places], graphql)).toMatchObject({
      code: 'HISTORY_INCOMPLETE',
      facts: { query: 'placeAsOf', projection: 'places' },
      message: expect.stringContaining(
        "Give it a type of versions: const PlaceVersion = api.versions('PlaceVersion', Place,",
      ),
    });
  });

  it.each(['queryByKey', 'subscriptionToRow'] as const)(
    'is refused if %s asks by one id for rows whose key has several columns',
    (shape) => {
      const graphql = (api: Api) => api[shape]('place', typeOver(api, places as unknown as Projection), 'A place.');
      expect(refused([lamps, places], graphql)).toMatchObject({
        code: 'KEY_UNSUPPORTED',
        facts: { field: 'place', projection: 'places', columns: ['id', 'room'] },
        message:
          `${shape} place: the key of projection places has the columns id and room, and ${shape} takes one id. ` +
          'Write a query with an argument for each column, over rows.page(…), or give the table a key of one column.',
      });
    },
  );

  it.each([
    [z.enum(['LOW', 'HIGH']), 'The field how of LightInput is of type enum, which has no input type in GraphQL.'],
    [z.object({ much: z.int() }), 'LightInput.how is an object, which needs a name of its own'],
  ])(
    'is refused with the name of the field if an input has a field of a kind that GraphQL cannot take',
    (how, message) => {
      const light = defineCommand('light', {
        aggregate: Lamp,
        input: z.object({ id: z.uuid(), how }),
        id: (input) => input.id,
        allow: 'everyone',
        decide: () => [],
      });
      const domain = { ...lampDomain({ commands: [light] }), graphql: () => {} };
      expect(mistakeOf(() => schemaOf({ domains: [domain] }))).toMatchObject({
        code: 'INPUT_UNSUPPORTED',
        message: expect.stringContaining(message),
      });
    },
  );
});
