import type { Blocker } from '../../database/activity.ts';
import type { Stall, StalledEvent } from '../../kernel/observe/stall.ts';
import type { Builder } from '../builder.ts';
import type { Context } from '../context.ts';
import { forOperator } from './operator.ts';

/** Adds the types for stalls, and the query `appendQueue`. */
export function addStalls(builder: Builder) {
  const BlockerType = builder.objectRef<Blocker>('Blocker').implement({
    description: 'A backend of Postgres that others wait for.',
    fields: (t) => ({
      pid: t.int({
        nullable: true,
        description: 'Its process: `select pg_terminate_backend(pid)` ends it. Null for a prepared transaction.',
        resolve: ({ pid }) => pid,
      }),
      application: t.string({
        nullable: true,
        description: 'What it calls itself.',
        resolve: ({ application }) => application,
      }),
      user: t.string({ nullable: true, description: 'Its user in the database.', resolve: ({ user }) => user }),
      state: t.string({
        nullable: true,
        description: 'As in pg_stat_activity: active, idle in transaction, …',
        resolve: ({ state }) => state,
      }),
      since: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When its transaction began, or where it has none, when it came to this state.',
        resolve: ({ since }) => since,
      }),
      query: t.string({
        nullable: true,
        description:
          'The beginning of its last statement. May hold what people have written: only operators who may act see it.',
        resolve: ({ query }, _, context: Context) => forOperator(context, 'operate', query),
      }),
    }),
  });
  const EventType = builder.objectRef<StalledEvent>('StalledEvent').implement({
    description: 'The first event that waits.',
    fields: (t) => ({
      position: t.field({
        type: 'SafeInt',
        nullable: true,
        description: 'Null where it is not in the log yet.',
        resolve: ({ position }) => position,
      }),
      type: t.exposeString('type', { description: 'What happened.' }),
      aggregate: t.string({ description: 'The kind of its stream.', resolve: ({ streamType }) => streamType }),
      aggregateId: t.id({ description: 'Its stream.', resolve: ({ streamId }) => streamId }),
    }),
  });
  const StallType = builder.objectRef<Stall>('Stall').implement({
    description: 'Why something stands still.',
    fields: (t) => ({
      since: t.field({ type: 'DateTime', description: 'Since when.', resolve: ({ since }) => since }),
      waitingFor: t.string({
        nullable: true,
        description: 'The lock, or what else it waits for; null where it waits for nothing and only takes long.',
        resolve: ({ waitingFor }) => waitingFor,
      }),
      blockers: t.field({
        type: [BlockerType],
        description: 'Who stands in the way.',
        resolve: (stall) => [...stall.blockers],
      }),
      event: t.field({
        type: EventType,
        nullable: true,
        description: 'The first event that waits; null where that is not known yet.',
        resolve: ({ event }) => event,
      }),
      sentence: t.exposeString('sentence', { description: 'All of it for people.' }),
    }),
  });
  const Queue = builder.objectRef<object>('AppendQueue').implement({
    description: 'Commands on their way into the log, on the server that answers.',
    fields: (t) => ({
      depth: t.int({ description: 'Appends that wait.', resolve: (_, __, { engine }: Context) => engine.queue.depth }),
      limit: t.int({
        description: 'As many may wait; more are throttled.',
        resolve: (_, __, { engine }: Context) => engine.queue.limit,
      }),
      oldestWaitMs: t.int({
        description: 'How long the first of them has waited, in milliseconds.',
        resolve: (_, __, { engine }: Context) => engine.queue.oldestWaitMs,
      }),
      stall: t.field({
        type: StallType,
        nullable: true,
        description: 'Why nothing is appended, where that is so. Operators see it.',
        resolve: (_, __, context: Context) => stallFor(context, 'append'),
      }),
    }),
  });
  builder.queryField('appendQueue', (t) =>
    t.field({ type: Queue, description: 'How commands get into the log at this moment.', resolve: () => ({}) }),
  );
  return StallType;
}

/** Why something does not progress, for callers who may know: it names streams of other people, and database users. */
export function stallFor(context: Pick<Context, 'engine' | 'actor'>, what: string): Stall | null {
  return forOperator(context, 'observe', context.engine.watch.stalls.get(what) ?? null);
}
