import { boolean, integer, text, uuid } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import { type Actor, SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import { defineAggregate } from '../../../src/kernel/define/aggregate.ts';
import { defineCommand, reject } from '../../../src/kernel/define/command.ts';
import { defineDomain } from '../../../src/kernel/define/domain.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';
import { defineProjection } from '../../../src/kernel/define/read-model/projection.ts';
import { readTable } from '../../../src/kernel/define/read-model/read-table.ts';

/** A domain that is as small as a domain can be and has something of everything: what the kernel is tested with. */
export const CounterOpened = defineEvent('CounterOpened', {
  data: z.object({ label: z.string(), owner: z.string().nullish() }),
});
export const CounterIncremented = defineEvent('CounterIncremented', { data: z.object({ by: z.int() }) });
export const CounterClosed = defineEvent('CounterClosed', { data: z.object({}) });

export interface CounterState {
  readonly status: 'NONE' | 'OPEN' | 'CLOSED';
  readonly owner?: string | undefined;
  readonly value: number;
}

export const Counter = defineAggregate('Counter', {
  visibleTo: 'everyone',
  initialState: (): CounterState => ({ status: 'NONE', value: 0 }),
  events: { CounterOpened, CounterIncremented, CounterClosed },
  evolve: {
    CounterOpened: (state, { data }) => ({ ...state, status: 'OPEN', owner: data.owner ?? undefined }),
    CounterIncremented: (state, { data }) => ({ ...state, value: state.value + data.by }),
    CounterClosed: (state) => ({ ...state, status: 'CLOSED' }),
  },
  snapshot: { every: 10 },
});

const id = z.uuid().toLowerCase();

export const openCounter = defineCommand('openCounter', {
  aggregate: Counter,
  creates: true,
  input: z.object({
    counterId: id.nullish(),
    label: z.string().min(1, 'A label is not empty.'),
    owner: z.string().nullish(),
    tags: z.array(z.object({ name: z.string().min(1, 'A tag is not empty.') })).nullish(),
    notes: z.record(z.string(), z.string()).nullish(),
  }),
  id: (input) => input.counterId ?? undefined,
  allow: 'everyone',
  decide: (counter, { label, owner }) =>
    counter.status === 'NONE' ? CounterOpened({ label, owner }) : reject('ALREADY_OPENED', 'It was opened before.'),
});

export const incrementCounter = defineCommand('incrementCounter', {
  aggregate: Counter,
  input: z.object({ counterId: id, by: z.int().default(1), times: z.int().default(1) }),
  id: (input) => input.counterId,
  allow: 'everyone',
  decide: (counter, { by, times }) => {
    if (counter.status === 'CLOSED') return reject('CLOSED', 'It is closed.');
    if (counter.value + by > 1_000_000) return reject('TOO_MUCH', 'It counts to a million.');
    return by === 0 ? [] : Array.from({ length: times }, () => CounterIncremented({ by }));
  },
});

/** Open counters without an owner are closed by staff; others also by their owner. */
export const closeCounter = defineCommand('closeCounter', {
  aggregate: Counter,
  input: z.object({ counterId: id }),
  id: (input) => input.counterId,
  allow: { staff: true, system: true, customer: (actor, _, state) => state.owner === actor.id },
  decide: (counter) => (counter.status === 'OPEN' ? CounterClosed({}) : reject('CLOSED', 'It is closed.')),
});

/** Adds what another counter shows. */
export const addCounter = defineCommand('addCounter', {
  aggregate: Counter,
  input: z.object({ counterId: id, otherId: id }),
  id: (input) => input.counterId,
  allow: 'everyone',
  gather: async ({ otherId }, { load }) => {
    const other = await load(Counter, otherId);
    return other ?? reject('NO_SUCH_COUNTER', 'There is no such counter.');
  },
  decide: (_, __, other) => CounterIncremented({ by: other.value }),
});

export const countersTable = readTable('counters', {
  id: uuid('id').primaryKey(),
  label: text('label').notNull(),
  value: integer('value').notNull(),
  closed: boolean('closed').notNull(),
  version: integer('version').notNull(),
});

export const counters = defineProjection('counters', {
  table: countersTable,
  events: Counter.events,
  visibleTo: 'everyone',
  on: {
    CounterOpened: ({ streamId, data, version }, { upsert }) =>
      upsert(streamId, () => ({ id: streamId, label: data.label, value: 0, closed: false, version })),
    CounterIncremented: ({ streamId, data, version }, { update }) =>
      update(streamId, (row) => ({ ...row, value: row.value + data.by, version })),
    CounterClosed: ({ streamId, version }, { update }) =>
      update(streamId, (row) => ({ ...row, closed: true, version })),
  },
});

export const counterDomain = defineDomain({
  name: 'counters',
  aggregates: [Counter],
  commands: [openCounter, incrementCounter, closeCounter, addCounter],
  projections: [counters],
  graphql: undefined,
});

export const system = { actor: SYSTEM };
export const staff: Actor = { id: 'staff-1', roles: ['staff'], claims: {} };
export const customer = (name: string): Actor => ({ id: name, roles: ['customer'], claims: {} });
