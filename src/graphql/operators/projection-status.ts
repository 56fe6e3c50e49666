import type { Engine } from '../../kernel/engine.ts';
import type { RebuildStatus } from '../../kernel/read/rebuild/rebuild-progress.ts';
import type { ProjectionStatus } from '../../kernel/read/status/projection-status.ts';
import type { Builder } from '../builder.ts';
import type { Context } from '../context.ts';
import { forOperator } from './operator.ts';
import { addStalls, stallFor } from './stalls.ts';

/** Adds the query `projections`. @returns the type of a stall. */
export function addProjectionStatus(builder: Builder): ReturnType<typeof addStalls> {
  const State = builder.enumType('ProjectionState', {
    description: 'What a read model is doing.',
    values: {
      RUNNING: { description: 'It follows the log.' },
      REBUILDING: { description: 'It is being made anew: for the first time, or beside the one that is read.' },
      STALLED: { description: 'It cannot apply an event; an operator has to look.' },
      STOPPED: { description: 'Nobody moves it at the moment.' },
    } as const,
  });
  const Lag = builder.enumType('LagState', {
    description: 'How far behind a read model is.',
    values: {
      NORMAL: { description: 'Less than 200 ms.' },
      WARNING: { description: 'Less than 2 s.' },
      CRITICAL: { description: 'Less than 30 s.' },
      EMERGENCY: { description: '30 s or more: commands are throttled, unless the server is set otherwise.' },
    } as const,
  });
  const Stall = addStalls(builder);
  const Rebuild = addRebuild(builder);
  const Status = builder.objectRef<ProjectionStatus>('ProjectionStatus').implement({
    description: 'Where a read model stands.',
    fields: (t) => ({
      name: t.exposeString('name', { description: 'What @readAfter errors and subscriptions call it.' }),
      state: t.field({ type: State, description: 'What it is doing.', resolve: ({ state }) => state }),
      position: t.field({
        type: 'SafeInt',
        description: 'Every event up to here has been seen, of interest or not. 0 if nobody is signed in.',
        resolve: ({ position }, _, { actor }: Context) => (actor ? position : 0),
      }),
      head: t.field({
        type: 'SafeInt',
        description: 'The last event of the log. If nobody is signed in, counted from `position`: it equals `lag`.',
        resolve: ({ head, lag }, _, { actor }: Context) => (actor ? head : lag),
      }),
      lag: t.field({ type: 'SafeInt', description: 'Events behind the head.', resolve: ({ lag }) => lag }),
      lagMs: t.int({
        description: 'How long the oldest of them has waited, in milliseconds.',
        resolve: ({ lagMs }) => Math.min(Math.round(lagMs), 2 ** 31 - 1),
      }),
      lagState: t.field({ type: Lag, description: 'The same in one word.', resolve: ({ lagState }) => lagState }),
      stall: t.field({
        type: Stall,
        nullable: true,
        description: 'Why it stands still, where the server that answers moves it. Operators see it.',
        resolve: ({ name }, _, context: Context) => stallFor(context, name),
      }),
      owner: t.string({
        nullable: true,
        description: 'The process that moves it, as host:pid; null where nobody does. Operators who may act see it.',
        resolve: ({ owner }, _, context: Context) => forOperator(context, 'operate', owner),
      }),
      rebuild: t.field({
        type: Rebuild,
        nullable: true,
        description:
          'How far the table is that is filled anew beside the one that is read; null if none is, or nobody is signed in.',
        resolve: ({ rebuild }, _, { actor }: Context) => (actor ? rebuild : null),
      }),
      deadLetters: t.int({
        description: 'Events that could not be applied and were put aside.',
        resolve: ({ deadLetters }) => deadLetters,
      }),
    }),
  });
  builder.queryField('projections', (t) =>
    t.field({
      type: [Status],
      description: 'Where every read model stands.',
      resolve: (_, __, { engine }: { engine: Engine }) => engine.projector.status(),
    }),
  );
  return Stall;
}

function addRebuild(builder: Builder) {
  return builder.objectRef<RebuildStatus>('ProjectionRebuild').implement({
    description: 'A read model that is filled anew from the log, to take the place of the one that is read.',
    fields: (t) => ({
      position: t.field({
        type: 'SafeInt',
        description: 'Every event up to here is in the new table.',
        resolve: ({ position }) => position,
      }),
      target: t.field({
        type: 'SafeInt',
        description: 'Where it has to come: the end of the log.',
        resolve: ({ target }) => target,
      }),
      startedAt: t.field({ type: 'DateTime', description: 'When it began.', resolve: ({ startedAt }) => startedAt }),
      eventsPerSecond: t.int({
        description: 'How fast it gets on; 0 where nobody works on it at the moment.',
        resolve: ({ eventsPerSecond }) => eventsPerSecond,
      }),
      secondsLeft: t.int({
        nullable: true,
        description: 'How long it still takes at that pace; null where that cannot be told.',
        resolve: ({ secondsLeft }) => secondsLeft && Math.min(secondsLeft, 2 ** 31 - 1),
      }),
    }),
  });
}
