import { integer, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAggregate, unchanged } from '../../../../src/kernel/define/aggregate.ts';
import { defineCommand } from '../../../../src/kernel/define/command.ts';
import { registerDomains } from '../../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../../src/kernel/define/event.ts';
import { defineProjection } from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';
import { Lamp, LampLit, lampDomain, lampInput, lamps, lampTable, lightLamp, mistakeOf } from './support.ts';

const refused = (changed: Parameters<typeof lampDomain>[0]) => mistakeOf(() => registerDomains([lampDomain(changed)]));
const initialState = () => ({ lit: false });

describe('an aggregate', () => {
  it('is refused if it has no entry for one of its events: by the compiler, and when it is defined', () => {
    const define = () =>
      defineAggregate('Lamp', {
        initialState,
        events: { LampLit },
        // @ts-expect-error: an event without an entry
        evolve: {},
      });
    expect(mistakeOf(define)).toMatchObject({
      code: 'EVOLVE_INCOMPLETE',
      facts: { aggregate: 'Lamp', event: 'LampLit' },
      message:
        'Lamp has no entry for LampLit in evolve. Write how the event changes the state, or that it does not: ' +
        "evolve: { LampLit: unchanged }, with unchanged imported from 'afterwrite'.",
    });
  });

  it('is refused if evolve has an entry that is none of its events', () => {
    const evolve = { LampLit: unchanged, LampLitt: unchanged };
    expect(mistakeOf(() => defineAggregate('Lamp', { initialState, events: { LampLit }, evolve })).message).toBe(
      'Lamp has LampLitt in evolve, which is none of its events. Correct the name, or add the event to events.',
    );
  });

  it('may say that an event does not change its state', () => {
    const Still = defineAggregate('Still', { initialState, events: { LampLit }, evolve: { LampLit: unchanged } });
    const state = initialState();
    expect(Still.evolve(state, LampLit({ room: 'hall' }))).toBe(state);
  });

  it('that no domain lists is refused, because nothing could read its events', () => {
    expect(refused({ aggregates: [], commands: [lightLamp], projections: [] })).toMatchObject({
      code: 'NOT_MOUNTED',
      facts: { aggregate: 'Lamp' },
      message:
        'Command lightLamp belongs to aggregate Lamp, which no domain lists: its events would be stored, and nothing could ' +
        'read them. Add it to the aggregates of its domain.',
    });
  });

  it('that only shares its name with the one that a domain lists is refused', () => {
    const Copy = defineAggregate('Lamp', { initialState, events: { LampLit }, evolve: { LampLit: unchanged } });
    expect(refused({ aggregates: [Copy], commands: [lightLamp] }).message).toBe(
      'Command lightLamp belongs to aggregate Lamp, which is not the aggregate of this name that a domain lists. ' +
        'Import the same definition in both places.',
    );
  });

  it('is refused if it shares ids with an aggregate that there is not', () => {
    const Bulb = defineAggregate('Bulb', { initialState, events: {}, evolve: {}, sharesIdsWith: ['Lampe'] });
    expect(refused({ aggregates: [Lamp, Bulb] }).message).toContain(
      'Aggregate Bulb shares ids with Lampe, which is no aggregate of any domain.',
    );
  });
});

describe('a command', () => {
  it('without allow is refused by the compiler in a sentence about allow, even if it gathers facts', () => {
    const define = () =>
      // @ts-expect-error: `allow` is missing; the lines below have no errors of their own.
      defineCommand('lightLamp', {
        aggregate: Lamp,
        input: lampInput,
        id: (input) => input.id,
        gather: async ({ room }, { load }) => ({ room, lamp: await load(Lamp, room) }),
        decide: (_, { room }) => LampLit({ room }),
      });
    expect(mistakeOf(define)).toMatchObject({
      code: 'ALLOW_MISSING',
      facts: { command: 'lightLamp' },
      message:
        "Command lightLamp does not say who may issue it. Write allow: 'everyone', a list of roles such as " +
        "allow: ['librarian'], or a rule for each role: allow: { librarian: true }.",
    });
  });

  it('that allows a role which is not declared is refused by the compiler at the name of the role', () => {
    defineCommand('lightLamp', {
      aggregate: Lamp,
      input: lampInput,
      id: (input) => input.id,
      // @ts-expect-error: there is no role `staf`
      allow: ['staf'],
      gather: async ({ room }, { load }) => ({ room, lamp: await load(Lamp, room) }),
      decide: (_, { room }) => LampLit({ room }),
    });
  });
});

describe('a projection', () => {
  it('is refused if it handles an event of no aggregate that a domain lists', () => {
    const Broken = defineEvent('LampBroken', { data: z.object({}) });
    const broken = defineProjection('broken', {
      table: readTable('broken', { id: uuid('id').primaryKey() }),
      events: { Broken },
      visibleTo: 'everyone',
      on: { Broken: ({ streamId: id }, { upsert }) => upsert(id, () => ({ id })) },
    });
    expect(refused({ projections: [lamps, broken] })).toMatchObject({
      code: 'NOT_MOUNTED',
      message:
        'Projection broken handles Broken, which is an event of no aggregate that a domain lists: the handler would never be ' +
        "called. Add the event to its aggregate's events, and the aggregate to the aggregates of its domain.",
    });
  });

  it('is refused if another one has its table, or one of the same name', () => {
    const others = defineProjection('otherLamps', {
      table: lampTable(),
      events: Lamp.events,
      visibleTo: 'everyone',
      on: { LampLit: ({ streamId }, { remove }) => remove(streamId) },
    });
    expect(refused({ projections: [lamps, others] })).toMatchObject({
      code: 'TABLE_TAKEN',
      facts: { table: 'lamps', projections: ['lamps', 'otherLamps'] },
      message:
        "Projections lamps and otherLamps both have the table lamps, and would overwrite each other's rows. " +
        "Give the table of otherLamps another name: readTable('otherLamps', …).",
    });
  });

  it('is refused if its table has no key', () => {
    const table = readTable('keyless', { room: text('room').notNull() });
    const on = { LampLit: () => [] };
    const define = () => defineProjection('keyless', { table, events: Lamp.events, visibleTo: 'everyone', on });
    expect(mistakeOf(define)).toMatchObject({
      code: 'KEY_UNSUPPORTED',
      message:
        'Projection keyless: its table keyless has no primary key. Declare one: .primaryKey() on a column, or primaryKey({ columns: […] }).',
    });
  });
});

describe('several mistakes', () => {
  it('are named together, so that they can be corrected together', () => {
    const table = readTable('lamps', { id: uuid('id').notNull(), n: integer('n').notNull() }, ({ id, n }) => [
      primaryKey({ columns: [id, n] }),
    ]);
    const on = { LampLit: () => [] };
    const twin = defineProjection('twin', { table, events: Lamp.events, visibleTo: 'everyone', on });
    const mistake = refused({ aggregates: [], commands: [lightLamp], projections: [lamps, twin] });
    expect(mistake.code).toBe('SEVERAL_MISTAKES');
    expect(mistake.facts).toEqual({ codes: ['NOT_MOUNTED', 'NOT_MOUNTED', 'NOT_MOUNTED', 'TABLE_TAKEN'] });
    expect(mistake.message).toContain('The application has 4 mistakes.\n1. NOT_MOUNTED: Command lightLamp belongs');
  });

  it('are none if the domains fit together', () => {
    expect([...registerDomains([lampDomain()]).commands.keys()]).toEqual(['lightLamp', 'dimLamp']);
  });
});
