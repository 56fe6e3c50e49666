import { text, uuid } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAggregate } from '../../../../src/kernel/define/aggregate.ts';
import { defineEvent } from '../../../../src/kernel/define/event.ts';
import { defineProjection } from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { Lamp, LampLit, mistakeOf } from './support.ts';

const lampAt = (version: number) => () => defineEvent('LampDimmed', { version, data: z.object({}) });
const lampsAt = (version: number) => () =>
  defineProjection('lamps', {
    table: readTable('lamps', { id: uuid('id').primaryKey(), room: text('room').notNull() }),
    events: Lamp.events,
    visibleTo: 'everyone',
    version,
    on: { LampLit: ({ streamId: id, data }, { upsert }) => upsert(id, () => ({ id, ...data })) },
  });
const stateAt = (stateVersion: number) => () =>
  defineAggregate('Lamp', {
    initialState: () => ({ lit: false }),
    events: { LampLit },
    evolve: { LampLit: () => ({ lit: true }) },
    snapshot: { stateVersion },
  });

describe.each([
  ['an event', 'Event LampDimmed', 'version', lampAt],
  ['a read model', 'Projection lamps', 'version', lampsAt],
  ['the state of an aggregate', 'Aggregate Lamp', 'stateVersion', stateAt],
])('the version of %s', (_, owner, option, define) => {
  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])('cannot be %d', (version) => {
    expect(mistakeOf(define(version))).toMatchObject({
      code: 'VERSION_MALFORMED',
      facts: { owner, option, version },
      message: `${owner} has ${option}: ${version}. A version is a whole number from 1 to 2147483647: begin with 1, and add 1 for each change.`,
    });
  });

  it('can be 1', () => {
    expect(define(1)).not.toThrow();
  });
});

describe('the upcasters of an event', () => {
  const lamp = (version: number, from: readonly number[]) => () =>
    defineEvent('LampDimmed', {
      version,
      data: z.object({}),
      upcast: Object.fromEntries(from.map((each) => [each, () => ({})])),
    });

  it('are one for each earlier version', () => {
    expect(lamp(3, [1, 2])).not.toThrow();
    expect(mistakeOf(lamp(3, [2]))).toMatchObject({
      code: 'UPCASTER_MISSING',
      facts: { event: 'LampDimmed', version: 1 },
    });
  });

  it.each([
    [1, [1], '1'],
    [2, [1, 2], '2'],
    [2, [0, 1], '0'],
    [3, [1, 1.5, 2], '1.5'],
  ])('of version %d are refused if they are from versions %j', (version, from, unused) => {
    expect(mistakeOf(lamp(version, from))).toMatchObject({
      code: 'UPCASTER_UNUSED',
      facts: { event: 'LampDimmed', version: unused },
      message: expect.stringContaining(`has an upcaster from version ${unused}, which is not an earlier one.`),
    });
  });
});
