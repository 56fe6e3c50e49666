import { randomUUID } from 'node:crypto';
import {
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  getOperationAST,
  getVariableValues,
  type OperationDefinitionNode,
} from 'graphql';
import { ThrottledError } from '../../kernel/errors.ts';
import type { Courier } from '../../kernel/notify/courier.ts';
import { positionOf } from '../consistency/wait.ts';
import type { Context } from '../context.ts';
import { valuesOf } from '../documents/parts.ts';
import { identityOf, rightsOf } from '../live/shared/rights.ts';
import type { ExecutionTools } from '../live/shared/shared-execution.ts';
import { ExecutionQueue, type ExecutionWindows } from './execution-queue.ts';
import { liveArguments } from './live-field.ts';
import { LiveQuery, type LiveQueryTools } from './live-query.ts';
import { type LivePlan, planOf } from './plan.ts';
import { LiveSubscriber } from './subscriber.ts';
import { ChangeRouter } from './watch/change-router.ts';

/** When there may be room for another live query, in ms. */
const RETRY_AFTER_MS = 5000;
/** Most errors of variables that are reported. */
const MAX_COERCION_ERRORS = 10;

export interface LiveQueriesOptions extends ExecutionTools {
  readonly courier: Courier;
  /** Whether errors may suggest names of the schema. */
  readonly suggestions: boolean;
  /** Maximum number of different live queries. */
  readonly limit: number;
  /** Maximum number of live queries that are executed at the same time. */
  readonly atOnce: number;
  /** The windows of large operations; by default those of one caller have no limit of their own. */
  readonly windows?: ExecutionWindows | undefined;
}

/** What a subscription asks for. */
interface Asked {
  readonly plan: LivePlan;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Equal for the same document and variables. */
  readonly text: string;
}

/** A live query with all that finds it again. */
interface Registered {
  readonly query: LiveQuery;
  readonly key: string;
  readonly asked: Asked;
  readonly isPersonal: boolean;
}

/**
 * All live queries of a server. Subscriptions with the same document, variables and rights share one: it is executed
 * once for all of them. If its answer depends on more than rights, each actor gets one of their own.
 */
export class LiveQueries {
  readonly #options: LiveQueriesOptions;
  readonly #tools: LiveQueryTools;
  readonly #byKey = new Map<string, Registered>();
  readonly #bySubscriber = new Map<LiveSubscriber, Registered>();
  /** Number of live queries of each document whose answers have been found to be personal. */
  readonly #personal = new Map<string, number>();

  constructor(options: LiveQueriesOptions) {
    const { schema, shared, turns, timeoutMs, reportFault, courier, atOnce, windows } = options;
    const { readSide, registry, fingerprints } = shared.engine;
    const { hub, positions } = readSide;
    this.#options = options;
    this.#tools = {
      ...{ schema, shared, turns, timeoutMs, reportFault, courier },
      router: new ChangeRouter({
        ...{ hub, positions, fingerprints },
        readModels: shared.readModels,
        projections: registry.projections,
      }),
      queue: new ExecutionQueue(atOnce, windows),
    };
  }

  /** Number of different live queries. */
  get size(): number {
    return this.#byKey.size;
  }

  /** Number of subscriptions to them. */
  get subscribers(): number {
    return this.#bySubscriber.size;
  }

  /**
   * The messages of a live query for one subscriber.
   * @returns undefined if the operation is another subscription; a result if the operation is refused.
   */
  async subscribe(args: ExecutionArgs): Promise<LiveSubscriber | ExecutionResult | undefined> {
    const { schema, document, operationName, variableValues } = args;
    const operation = getOperationAST(document, operationName);
    if (!operation) return undefined;
    try {
      const plan = planOf(schema, document, operation);
      if (!plan) return undefined;
      return await this.#open(plan, operation, variableValues ?? {}, args.contextValue as Context);
    } catch (error) {
      return { errors: [error instanceof GraphQLError ? error : located(error)] };
    }
  }

  async #open(
    plan: LivePlan,
    operation: OperationDefinitionNode,
    sent: Readonly<Record<string, unknown>>,
    context: Context,
  ): Promise<LiveSubscriber | ExecutionResult> {
    const { schema, suggestions } = this.#options;
    const { coerced, errors } = getVariableValues(schema, operation.variableDefinitions ?? [], sent, {
      maxErrors: MAX_COERCION_ERRORS,
      hideSuggestions: !suggestions,
    });
    if (errors) return { errors };
    const { after, everyMs } = liveArguments(schema, plan.field, coerced);
    const position = after === undefined ? 0 : await positionOf(context.engine, after);
    const variables = valuesOf(plan.variables, sent);
    const asked: Asked = {
      ...{ plan, variables },
      // Not what the values were parsed to: that may have no text, or the same text for different values.
      text: JSON.stringify([plan.name, plan.text, Object.entries(variables)]),
    };
    return new LiveSubscriber({
      context,
      after: position,
      everyMs,
      onStart: (subscriber) => this.#enter(subscriber, asked),
      onEnd: (subscriber) => this.#leave(subscriber),
    });
  }

  #enter(subscriber: LiveSubscriber, asked: Asked): void {
    try {
      const registered = this.#registered(subscriber, asked);
      this.#bySubscriber.set(subscriber, registered);
      registered.query.join(subscriber);
    } catch (error) {
      subscriber.fail(error);
    }
  }

  #registered(subscriber: LiveSubscriber, asked: Asked): Registered {
    const { engine, actor } = subscriber.context;
    const { plan, variables, text } = asked;
    const isPersonal = this.#personal.has(plan.text);
    const who = isPersonal ? identityOf(actor) : rightsOf(actor, plan.touched, engine.registry.projections);
    const key = `${isPersonal} ${who} ${text}`;
    const known = this.#byKey.get(key);
    if (known) return known;
    const { limit } = this.#options;
    if (this.#byKey.size >= limit) {
      throw new ThrottledError(RETRY_AFTER_MS, `The server has ${limit} different live queries, and takes no more.`);
    }
    const query = new LiveQuery({
      tools: this.#tools,
      ...{ plan, variables, isPersonal },
      correlationId: randomUUID(),
      onPersonal: () => this.#divide(registered),
    });
    const registered: Registered = { query, key, asked, isPersonal };
    this.#byKey.set(key, registered);
    if (isPersonal) this.#countPersonal(plan, 1);
    return registered;
  }

  #leave(subscriber: LiveSubscriber): void {
    const registered = this.#bySubscriber.get(subscriber);
    if (!registered) return;
    this.#bySubscriber.delete(subscriber);
    registered.query.leave(subscriber);
    if (registered.query.subscribers.size === 0) this.#remove(registered);
  }

  #remove(registered: Registered): void {
    const { query, key, asked, isPersonal } = registered;
    // Those who leave together with the last subscriber find it removed.
    if (this.#byKey.get(key) !== registered) return;
    query.close();
    this.#byKey.delete(key);
    if (isPersonal) this.#countPersonal(asked.plan, -1);
  }

  #countPersonal({ text }: LivePlan, more: number): void {
    const count = (this.#personal.get(text) ?? 0) + more;
    if (count > 0) this.#personal.set(text, count);
    else this.#personal.delete(text);
  }

  /** Gives each actor a live query of their own. */
  #divide(shared: Registered): void {
    const { plan } = shared.asked;
    this.#countPersonal(plan, 1);
    for (const subscriber of [...shared.query.subscribers]) {
      // It may have been refused meanwhile: the one who paid has left.
      if (this.#bySubscriber.get(subscriber) !== shared) continue;
      this.#leave(subscriber);
      this.#enter(subscriber, shared.asked);
    }
    this.#countPersonal(plan, -1);
  }
}

function located(error: unknown): GraphQLError {
  const message = error instanceof Error ? error.message : String(error);
  return new GraphQLError(message, { originalError: error as Error });
}
