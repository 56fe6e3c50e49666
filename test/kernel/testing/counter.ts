import { z } from 'zod';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import { defineAggregate } from '../../../src/kernel/define/aggregate.ts';
import { defineCommand, reject } from '../../../src/kernel/define/command.ts';
import { defineEvent } from '../../../src/kernel/define/event.ts';

export const Opened = defineEvent('Opened', { data: z.object({ note: z.string().nullish() }) });
export const Counted = defineEvent('Counted', { data: z.object({ by: z.int().positive() }) });

/** The smallest domain that has something of everything. */
export const Counter = defineAggregate('Counter', {
  initialState: (): { status: 'NEW' | 'OPEN'; count: number; last?: number | undefined } => ({
    status: 'NEW',
    count: 0,
  }),
  events: { Opened, Counted },
  evolve: {
    Opened: (state) => ({ ...state, status: 'OPEN', last: undefined }),
    Counted: (state, { data }) => ({ ...state, count: state.count + data.by, last: data.by }),
  },
});

export const open = defineCommand('open', {
  aggregate: Counter,
  creates: true,
  input: z.object({ id: z.uuid().nullish(), note: z.string().trim().nullish() }),
  id: (input) => input.id ?? undefined,
  allow: ['staff'],
  decide: (counter, { note }) => (counter.status === 'OPEN' ? reject('ALREADY_OPEN', 'It is open.') : Opened({ note })),
});

export const count = defineCommand('count', {
  aggregate: Counter,
  input: z.object({ id: z.string(), by: z.int().max(10), like: z.string().nullish() }),
  id: (input) => input.id,
  allow: { system: (actor, input, state) => actor.id === SYSTEM.id && input.by < 5 && state.count < 5 },
  gather: async ({ like }, { load }) => {
    if (!like) return undefined;
    const other = await load(Counter, like);
    return other ? other.count : reject('NO_SUCH_COUNTER', `There is no counter ${like}.`);
  },
  decide: (_, { by }, like) => {
    if (by === 0) return [];
    return like === undefined ? Counted({ by }) : [Counted({ by: like }), Counted({ by })];
  },
});
