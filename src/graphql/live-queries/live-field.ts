import { type FieldNode, type GraphQLSchema, getArgumentValues } from 'graphql';
import type { Builder } from '../builder.ts';
import { BadUserInputError } from '../errors.ts';

/** The subscription whose type is the query root. */
export const LIVE_FIELD = 'live';

/** Time between two messages of one subscription, in ms: by default, at least and at most. */
const DEFAULT_EVERY_MS = 100;
const MIN_EVERY_MS = 50;
const MAX_EVERY_MS = 3_600_000;

/** Adds the subscription `live`. It is not resolved for each subscriber: see `LiveQueries`. */
export function addLiveField(builder: Builder): void {
  builder.subscriptionField(LIVE_FIELD, (t) =>
    t.field({
      type: 'Query',
      description: `Any query, live: the query root now, and again each time something that the selection shows has changed. One message is one consistent view:
everything in it was read at \`after\` or later and at one position or later, and no message is older than the one before. Messages whose answer would be the same
are not sent. Fields that fail are null with an error, and the subscription goes on.`,
      args: {
        after: t.arg({ type: 'ConsistencyToken', description: 'The first message is at least this fresh.' }),
        everyMs: t.arg.int({
          description: `At most one message in this time, in milliseconds: ${DEFAULT_EVERY_MS} by default, from ${MIN_EVERY_MS} to ${MAX_EVERY_MS}.`,
        }),
      },
      subscribe: () => {
        throw new Error('A live query is not subscribed to by the executor: the plugin for live queries is missing.');
      },
      resolve: () => ({}),
    }),
  );
}

export interface LiveArguments {
  /** A consistency token. */
  readonly after: string | undefined;
  /** Minimum time between two messages, in ms. */
  readonly everyMs: number;
}

/** @throws {BadUserInputError} if a value is out of range; GraphQLError if it has the wrong type. */
export function liveArguments(
  schema: GraphQLSchema,
  field: FieldNode,
  variables: Readonly<Record<string, unknown>>,
): LiveArguments {
  const definition = schema.getSubscriptionType()?.getFields()[LIVE_FIELD];
  if (!definition) throw new Error(`The schema has no subscription ${LIVE_FIELD}.`);
  const { after, everyMs } = getArgumentValues(definition, field, variables) as {
    after?: string | null;
    everyMs?: number | null;
  };
  const interval = everyMs ?? DEFAULT_EVERY_MS;
  if (interval < MIN_EVERY_MS || interval > MAX_EVERY_MS) {
    throw new BadUserInputError(`everyMs is from ${MIN_EVERY_MS} to ${MAX_EVERY_MS}, not ${interval}.`);
  }
  return { after: after ?? undefined, everyMs: interval };
}
