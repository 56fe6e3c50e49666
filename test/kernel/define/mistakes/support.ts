import { text, uuid } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import { defineAggregate } from '../../../../src/kernel/define/aggregate.ts';
import { defineCommand } from '../../../../src/kernel/define/command.ts';
import { DefinitionError } from '../../../../src/kernel/define/definition-error.ts';
import { type Domain, defineDomain } from '../../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../../src/kernel/define/event.ts';
import { defineProjection } from '../../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../../src/kernel/define/read-model/read-table.ts';

/** A small domain without mistakes: lamps, of which each test spoils one thing. */
export const LampLit = defineEvent('LampLit', { data: z.object({ room: z.string() }) });
export const Lamp = defineAggregate('Lamp', {
  initialState: () => ({ lit: false }),
  events: { LampLit },
  evolve: { LampLit: () => ({ lit: true }) },
});

export const lampInput = z.object({ id: z.uuid(), room: z.string() });
export const lightLamp = defineCommand('lightLamp', {
  aggregate: Lamp,
  creates: true,
  input: lampInput,
  id: (input) => input.id,
  allow: ['system'],
  decide: (_, { room }) => LampLit({ room }),
});
export const dimLamp = defineCommand('dimLamp', {
  aggregate: Lamp,
  input: lampInput,
  id: (input) => input.id,
  allow: ['system'],
  decide: () => [],
});

export const lampTable = () => readTable('lamps', { id: uuid('id').primaryKey(), room: text('room').notNull() });
export const lamps = defineProjection('lamps', {
  table: lampTable(),
  events: Lamp.events,
  visibleTo: 'everyone',
  on: { LampLit: ({ streamId: id, data }, { upsert }) => upsert(id, () => ({ id, ...data })) },
});

export const lampDomain = (changed: Partial<Domain> = {}) =>
  defineDomain<unknown>({
    name: 'lamps',
    aggregates: [Lamp],
    commands: [lightLamp, dimLamp],
    projections: [lamps],
    graphql: undefined,
    ...changed,
  });

/** The mistake that a definition is refused with. */
export function mistakeOf(define: () => unknown): DefinitionError {
  try {
    define();
  } catch (error) {
    if (error instanceof DefinitionError) return error;
    throw error;
  }
  throw new Error('The definition was accepted.');
}
