import type { Builder } from '../builder.ts';
import { positionOf } from '../consistency/wait.ts';
import type { ProjectionUpdate } from './audience.ts';
import { type CaughtUp, caughtUp } from './caught-up.ts';
import { fresh, unwrap } from './fresh.ts';
import { projectionUpdates } from './projection-updates.ts';

/** Adds the subscriptions over all read models: `projectionUpdated` and `caughtUp`. */
export function addSubscriptions(builder: Builder): void {
  const Update = builder.objectRef<ProjectionUpdate>('ProjectionUpdate').implement({
    description: 'A read model has advanced.',
    fields: (t) => ({
      projection: t.exposeString('projection', { description: 'Which read model.' }),
      token: t.field({
        type: 'ConsistencyToken',
        description: 'Reads are now at least this fresh.',
        resolve: ({ position }, _, { engine }) => engine.tokens.encode(position),
      }),
      keys: t.idList({
        nullable: true,
        description: 'Keys of the rows that changed; null if there are too many: read again what you show.',
        resolve: ({ keys }) => keys && [...keys],
      }),
      lagMs: t.int({
        description: 'How long the oldest event behind this had waited when it could be read, in milliseconds.',
        resolve: ({ lagMs }) => Math.min(Math.round(lagMs), 2 ** 31 - 1),
      }),
    }),
  });
  const CaughtUpType = builder.objectRef<CaughtUp>('CaughtUp').implement({
    description: 'A read model has reached a token.',
    fields: (t) => ({
      projection: t.exposeString('projection', { description: 'Which read model.' }),
      token: t.field({
        type: 'ConsistencyToken',
        description: 'The current position: at or past the token.',
        resolve: ({ position }, _, { engine }) => engine.tokens.encode(position),
      }),
      waitedMs: t.exposeInt('waitedMs', { description: 'How long that took, in milliseconds.' }),
    }),
  });
  builder.subscriptionField('projectionUpdated', (t) =>
    t.field({
      type: Update,
      description: `Notifies that a read model has advanced. Messages are states, not steps: one message may cover many events.
The first message comes at once if the read model is already at or past \`after\`.`,
      args: {
        projections: t.arg.stringList({ description: 'Only these read models; by default all.' }),
        keys: t.arg.idList({ description: 'Only changes of one of these rows.' }),
        after: t.arg({ type: 'ConsistencyToken', description: 'Begin after this position.' }),
      },
      subscribe: async (_, { projections, keys, after }, context) => {
        const position = after == null ? undefined : await positionOf(context.engine, after);
        return fresh(context, projectionUpdates({ projections, keys, after: position }, context));
      },
      resolve: unwrap,
    }),
  );
  builder.subscriptionField('caughtUp', (t) =>
    t.field({
      type: CaughtUpType,
      description: 'One message for each named projection (default: all) as it reaches the token; then it completes.',
      args: {
        token: t.arg({ type: 'ConsistencyToken', required: true, description: 'From a receipt.' }),
        projections: t.arg.stringList({ description: 'Only these read models; by default all.' }),
      },
      subscribe: (_, { token, projections }, context) => fresh(context, caughtUp({ token, projections }, context)),
      resolve: unwrap,
    }),
  );
}
