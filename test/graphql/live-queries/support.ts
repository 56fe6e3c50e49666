import { type GraphQLObjectType, GraphQLScalarType, type GraphQLSchema, parse } from 'graphql';
import { createSchema } from 'graphql-yoga';
import type { Caller, Context } from '../../../src/graphql/context.ts';
import { SubscriptionBudgets } from '../../../src/graphql/live/subscription-budget.ts';
import { LiveQueries } from '../../../src/graphql/live-queries/live-queries.ts';
import type { LiveSubscriber } from '../../../src/graphql/live-queries/subscriber.ts';
import { Courier } from '../../../src/kernel/notify/courier.ts';
import { Turns } from '../../../src/scheduling/turns.ts';
import { counters } from '../../support/kernel/counter.ts';
import { delaysInto } from '../../support/kernel/observers.ts';
import { Stage } from '../live/support.ts';

const SCHEMA = `
  scalar ConsistencyToken
  scalar Secret
  type Query {
    value(id: ID!): Int
    text(id: ID!): String
    both(id: ID!): Int
    slow(id: ID!, nth: Int!): Int
    given(number: Int): String
    opened(secret: Secret): String
  }
  type Subscription { live(after: ConsistencyToken, everyMs: Int): Query }
`;

/** A value that shows nothing of itself. */
class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  open(): string {
    return this.#text;
  }
}

export interface Asking {
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly caller?: Partial<Caller>;
  /** The subscription's memory limit, in bytes. */
  readonly bytes?: number;
  /** Told what the subscription is charged for, in bytes; resolves to how long its caller should wait, in ms. */
  readonly charge?: (bytes: number) => Promise<number>;
}

/** Live queries over one read model that a test holds in its hands. */
export class LiveQueryStage extends Stage {
  readonly queries: LiveQueries;
  readonly #schema = this.#makeSchema();
  /** The numbers of executions of `slow` that have begun, in this order. */
  readonly begun: number[] = [];
  /** Whose shares the executions of `value` used, in this order. */
  readonly payers: string[] = [];
  /** Executions of `slow` end when it resolves. */
  gate: Promise<void> = Promise.resolve();

  constructor({ atOnce = 8 } = {}) {
    super();
    this.queries = new LiveQueries({
      schema: this.#schema,
      shared: this.shared,
      turns: new Turns(),
      courier: new Courier(delaysInto(this.faults)),
      reportFault: (error) => {
        this.faults.push(error);
        return undefined;
      },
      suggestions: true,
      timeoutMs: 10_000,
      limit: 100,
      atOnce,
    });
  }

  async subscribe(
    text: string,
    { variables, caller, bytes = 1_000_000, charge }: Asking = {},
  ): Promise<LiveSubscriber> {
    const limits = { keys: 1, subscription: bytes, connection: bytes, caller: bytes, total: bytes };
    const contextValue = this.context(caller);
    contextValue.operation.holdWithin(new SubscriptionBudgets(limits).open(contextValue));
    if (charge) contextValue.operation.chargeBy(charge);
    const args = { schema: this.#schema, document: parse(text), variableValues: variables ?? {}, contextValue };
    const subscriber = await this.queries.subscribe(args);
    if (!subscriber || !(Symbol.asyncIterator in subscriber)) throw new Error(JSON.stringify(subscriber));
    return subscriber;
  }

  #makeSchema(): GraphQLSchema {
    const counted = async (id: string, { rows }: Context) => (await rows.byKey(counters, id))?.value ?? 0;
    const schema = createSchema<Context>({
      typeDefs: SCHEMA,
      resolvers: {
        Secret: new GraphQLScalarType({ name: 'Secret', parseValue: (sent) => new Secret(String(sent)) }),
        Query: {
          value: (_, { id }, context) => {
            this.payers.push(context.caller);
            return counted(id, context);
          },
          both: (_, { id }, context) => counted(id, context),
          text: async (_, { id }, context) => 'x'.repeat(await counted(id, context)),
          slow: async (_, { id, nth }, context) => {
            this.begun.push(nth);
            await this.gate;
            return counted(id, context);
          },
          given: (_, args) => ('number' in args ? String(args.number) : 'nothing'),
          opened: (_, { secret }) => secret.open(),
        },
      },
    });
    const query = schema.getQueryType() as GraphQLObjectType;
    for (const name of ['value', 'text', 'slow', 'both']) {
      const field = query.getFields()[name];
      if (field) field.extensions = { readModels: name === 'both' ? ['counters', 'others'] : ['counters'] };
    }
    return schema;
  }
}
