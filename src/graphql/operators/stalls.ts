import type { Blocker } from '../../database/activity/activity.ts';
import type { Stall, StalledEvent } from '../../kernel/observe/stall.ts';
import type { Builder } from '../builder.ts';
import { POLLED } from '../consistency/polled.ts';
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
        description: 'Its application name.',
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
        description: 'When its transaction began; without a transaction, when it entered this state.',
        resolve: ({ since }) => since,
      }),
      query: t.string({
        nullable: true,
        description:
          'The beginning of its last statement. May contain what people have written: for operators who may act.',
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
        description: 'Null if it is not in the log yet.',
        resolve: ({ position }) => position,
      }),
      type: t.exposeString('type', { description: 'The type of the event.' }),
      aggregate: t.string({ description: 'The kind of its stream.', resolve: ({ streamType }) => streamType }),
      aggregateId: t.id({ description: 'Its stream.', resolve: ({ streamId }) => streamId }),
    }),
  });
  const StallType = builder.objectRef<Stall>('Stall').implement({
    description: 'Why something is stalled.',
    fields: (t) => ({
      since: t.field({ type: 'DateTime', description: 'Since when.', resolve: ({ since }) => since }),
      waitingFor: t.string({
        nullable: true,
        description: 'The lock or other thing that it waits for; null if it does not wait but only takes long.',
        resolve: ({ waitingFor }) => waitingFor,
      }),
      blockers: t.field({
        type: [BlockerType],
        description: 'The blockers.',
        resolve: (stall) => [...stall.blockers],
      }),
      event: t.field({
        type: EventType,
        nullable: true,
        description: 'The first waiting event; null if not known yet.',
        resolve: ({ event }) => event,
      }),
      sentence: t.exposeString('message', { description: 'The whole reason as a sentence.' }),
    }),
  });
  const Queue = builder.objectRef<object>('AppendQueue').implement({
    description: 'Commands on their way into the log, on the server that answers.',
    fields: (t) => ({
      depth: t.int({
        description: 'Number of waiting appends.',
        resolve: (_, __, { engine }: Context) => engine.queue.depth,
      }),
      limit: t.int({
        description: 'Maximum number of waiting appends; more commands are throttled.',
        resolve: (_, __, { engine }: Context) => engine.queue.limit,
      }),
      oldestWaitMs: t.int({
        description: 'How long the first of them has waited, in milliseconds.',
        resolve: (_, __, { engine }: Context) => engine.queue.oldestWaitMs,
      }),
      stall: t.field({
        type: StallType,
        nullable: true,
        description: 'Why nothing is appended; null if appends progress. For operators.',
        resolve: (_, __, context: Context) => stallFor(context, 'append'),
      }),
    }),
  });
  builder.queryField('appendQueue', (t) =>
    t.field({
      type: Queue,
      description: 'The queue of commands for the log.',
      extensions: POLLED,
      resolve: () => ({}),
    }),
  );
  return StallType;
}

/** Why something does not progress, for callers who may know: it names streams of other people, and database users. */
export function stallFor(context: Pick<Context, 'engine' | 'actor'>, what: string): Stall | null {
  return forOperator(context, 'observe', context.engine.watch.stalls.get(what) ?? null);
}
