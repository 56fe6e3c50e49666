import type { Engine } from '../../kernel/engine.ts';
import type { RebuildStatus } from '../../kernel/read/rebuild/rebuild-progress.ts';
import type { ProjectionStatus } from '../../kernel/read/status/projection-status.ts';
import type { Builder } from '../builder.ts';
import { POLLED } from '../consistency/polled.ts';
import type { Context } from '../context.ts';
import { forOperator } from './operator.ts';
import { addStalls, stallFor } from './stalls.ts';

/** Adds the query `projections`. @returns the type of a stall. */
export function addProjectionStatus(builder: Builder): ReturnType<typeof addStalls> {
  const State = builder.enumType('ProjectionState', {
    description: 'The state of a read model.',
    values: {
      RUNNING: { description: 'It follows the log.' },
      REBUILDING: { description: 'It is being filled: for the first time, or beside the live one.' },
      AHEAD_OF_CODE: {
        description: 'It waits for an instance with newer code, which has stored the next event. Nothing is put aside.',
      },
      STALLED: { description: 'It cannot apply an event; an operator has to act.' },
      STOPPED: { description: 'Nobody runs it at the moment.' },
    } as const,
  });
  const Lag = builder.enumType('LagState', {
    description: 'How far behind a read model is.',
    values: {
      NORMAL: { description: 'Less than 200 ms.' },
      WARNING: { description: 'Less than 2 s.' },
      CRITICAL: { description: 'Less than 30 s.' },
      EMERGENCY: { description: '30 s or more: commands are throttled, unless the server is configured otherwise.' },
    } as const,
  });
  const Stall = addStalls(builder);
  const Rebuild = addRebuild(builder);
  const Status = builder.objectRef<ProjectionStatus>('ProjectionStatus').implement({
    description: 'The status of a read model.',
    fields: (t) => ({
      name: t.exposeString('name', { description: 'The name that errors of @readAfter and subscriptions use.' }),
      state: t.field({ type: State, description: 'The current state.', resolve: ({ state }) => state }),
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
      lagState: t.field({ type: Lag, description: 'The lag as one word.', resolve: ({ lagState }) => lagState }),
      stall: t.field({
        type: Stall,
        nullable: true,
        description: 'Why it is stalled, if the answering server runs it. For operators.',
        resolve: ({ name }, _, context: Context) => stallFor(context, name),
      }),
      owner: t.string({
        nullable: true,
        description: 'The process that runs it, as host:pid; null if nobody does. For operators who may act.',
        resolve: ({ owner }, _, context: Context) => forOperator(context, 'operate', owner),
      }),
      rebuild: t.field({
        type: Rebuild,
        nullable: true,
        description:
          'Progress of the table that is being filled beside the live one; null if there is none, or nobody is signed in.',
        resolve: ({ rebuild }, _, { actor }: Context) => (actor ? rebuild : null),
      }),
      deadLetters: t.int({
        description: 'Number of events that could not be applied and wait in dead letters.',
        resolve: ({ deadLetters }) => deadLetters,
      }),
    }),
  });
  builder.queryField('projections', (t) =>
    t.field({
      type: [Status],
      extensions: POLLED,
      description: 'The status of every read model.',
      resolve: (_, __, { engine }: { engine: Engine }) => engine.projector.status(),
    }),
  );
  return Stall;
}

function addRebuild(builder: Builder) {
  return builder.objectRef<RebuildStatus>('ProjectionRebuild').implement({
    description: 'A read model that is being filled again from the log, to replace the live one.',
    fields: (t) => ({
      position: t.field({
        type: 'SafeInt',
        description: 'Every event up to here is in the new table.',
        resolve: ({ position }) => position,
      }),
      target: t.field({
        type: 'SafeInt',
        description: 'The position to reach: the end of the log.',
        resolve: ({ target }) => target,
      }),
      startedAt: t.field({ type: 'DateTime', description: 'When it began.', resolve: ({ startedAt }) => startedAt }),
      eventsPerSecond: t.int({
        description: 'Current rate; 0 if nobody works on it at the moment.',
        resolve: ({ eventsPerSecond }) => eventsPerSecond,
      }),
      secondsLeft: t.int({
        nullable: true,
        description: 'Remaining time at that rate; null if unknown.',
        resolve: ({ secondsLeft }) => secondsLeft && Math.min(secondsLeft, 2 ** 31 - 1),
      }),
    }),
  });
}
