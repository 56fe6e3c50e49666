import type { Builder } from '../builder.ts';
import { positionOf } from '../consistency/wait.ts';
import type { ProjectionUpdate } from './audience.ts';
import { type CaughtUp, caughtUp } from './caught-up.ts';
import { fresh, unwrap } from './fresh.ts';
import { projectionUpdates } from './projection-updates.ts';

/** Adds the subscriptions over all read models: `projectionUpdated` and `caughtUp`. */
export function addSubscriptions(builder: Builder): void {
  const Update = builder.objectRef<ProjectionUpdate>('ProjectionUpdate').implement({
    description: 'A read model has moved on.',
    fields: (t) => ({
      projection: t.exposeString('projection', { description: 'Which read model.' }),
      token: t.field({
        type: 'ConsistencyToken',
        description: 'What is read now is at least this fresh.',
        resolve: ({ position }, _, { engine }) => engine.tokens.encode(position),
      }),
      keys: t.idList({
        nullable: true,
        description: "The read model's rows that changed; null where too many to name: read again what you show.",
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
        description: 'Where it is now: at or past the token that was waited for.',
        resolve: ({ position }, _, { engine }) => engine.tokens.encode(position),
      }),
      waitedMs: t.exposeInt('waitedMs', { description: 'How long that took, in milliseconds.' }),
    }),
  });
  builder.subscriptionField('projectionUpdated', (t) =>
    t.field({
      type: Update,
      description: `Notifies that a read model has moved on. It tells state, not every step: one message may stand for many events.
The first message comes at once where the read model is already at or past \`after\`.`,
      args: {
        projections: t.arg.stringList({ description: 'Only these read models; all where it is left out.' }),
        keys: t.arg.idList({ description: 'Only where one of these rows changed.' }),
        after: t.arg({ type: 'ConsistencyToken', description: 'Begin with everything after this.' }),
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
        projections: t.arg.stringList({ description: 'Only these read models; all where it is left out.' }),
      },
      subscribe: (_, { token, projections }, context) => fresh(context, caughtUp({ token, projections }, context)),
      resolve: unwrap,
    }),
  );
}
