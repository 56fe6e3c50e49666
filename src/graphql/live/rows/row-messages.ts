import { hash } from 'node:crypto';
import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, getOperationAST } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Courier } from '../../../kernel/notify/courier.ts';
import { type SharedResult, sharedResult } from '../../answer/shared-json.ts';
import { touchedBy } from '../../consistency/touched.ts';
import { freshnessOf } from '../../consistency/wait.ts';
import type { Context } from '../../context.ts';
import { fragmentsOf, rootFieldsOf } from '../../documents/root-fields.ts';
import { execute } from '../../execution/execute.ts';
import { FinalError } from '../fresh.ts';
import { identityOf, rightsOf } from '../shared/rights.ts';
import { RightsSeen } from '../shared/rights-seen.ts';
import { type ExecutionTools, executeShared, type SharedAnswer } from '../shared/shared-execution.ts';
import type { LiveRow } from './live-row.ts';

/** Marks a subscription whose messages are {@link LiveRow}s, in the extensions of its field. */
export const ROW_MESSAGES = 'rowMessages';

export interface RowMessagesOptions extends ExecutionTools {
  readonly courier: Courier;
}

type RowMessageStream = AsyncIterableIterator<ExecutionResult, undefined>;

/** One subscription to a row. */
interface Member {
  readonly args: ExecutionArgs;
  readonly context: Context;
  readonly touched: readonly string[];
  /** Equal for subscriptions with the same operation, variables and rights. */
  readonly group: string;
}

/** Somebody who waits for a message that is being made. */
interface AwaitedMessage {
  readonly resolve: (message: RowMessage) => void;
  readonly reject: (error: unknown) => void;
}

/** What everybody in a group gets for a change. */
interface RowMessage {
  readonly answer: SharedAnswer;
  readonly result: SharedResult;
}

type Events = AsyncIterableIterator<LiveRow | FinalError>;

/** Bytes of JSON of the newest messages together. Those who are too slow for them have theirs made again. */
const KEPT_BYTES = 8 * 1024 * 1024;
/** Bytes of a message besides its JSON. */
const MESSAGE_BYTES = 1024;

/**
 * The messages of subscriptions to single rows. Those who watch a row get the same object with each change of it: the
 * message of it is made once for all who ask the same with the same rights.
 */
export class RowMessages {
  readonly #options: RowMessagesOptions;
  /** By the change and the group. */
  readonly #made = new LRUCache<string, RowMessage>({
    maxSize: KEPT_BYTES,
    sizeCalculation: ({ result }) => MESSAGE_BYTES + result.shared.bytes,
  });
  readonly #making = new Map<string, AwaitedMessage[]>();
  /** Of documents and changes. Documents with the same text are the same object as long as they are known. */
  readonly #numbers = new WeakMap<object, number>();
  /** Documents whose answers have been found to depend on who asks. */
  readonly #personal = new WeakSet<object>();
  #lastNumber = 0;

  constructor(options: RowMessagesOptions) {
    this.#options = options;
  }

  /**
   * The messages of a subscription.
   * @returns undefined if the subscription is not to a row; a result if it is refused.
   */
  async subscribe(args: ExecutionArgs): Promise<RowMessageStream | ExecutionResult | undefined> {
    if (!isOfRow(args)) return undefined;
    const events = await createSourceEventStream(args);
    if (!(Symbol.asyncIterator in events)) return events;
    return this.#messages(events as Events, this.#member(args));
  }

  #messages(events: Events, member: Member): RowMessageStream {
    return {
      next: async () => {
        // Each execution has a time of its own, and none of them is this subscription's alone.
        member.context.operation.whenMessageBegins(() => {});
        const { value: event, done } = await events.next();
        if (done) return { value: undefined, done: true };
        // The end of this subscription alone.
        if (event instanceof FinalError) {
          const args = { ...member.args, contextValue: member.context, rootValue: event };
          return { value: await execute(args), done: false };
        }
        return { value: await this.#message(event, member), done: false };
      },
      return: async () => {
        await events.return?.();
        return { value: undefined, done: true };
      },
      throw: (error) => Promise.reject(error),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #member(args: ExecutionArgs): Member {
    const { schema, document, operationName, variableValues } = args;
    const context = args.contextValue as Context;
    const operation = getOperationAST(document, operationName);
    const touched = operation ? touchedBy(schema, document, operation) : [];
    const rights = rightsOf(context.actor, touched, context.engine.registry.projections);
    const asked = [this.#numberOf(document), operationName, variableValues, rights];
    return { args, context, touched, group: hash('sha256', JSON.stringify(asked), 'base64') };
  }

  async #message(event: LiveRow, member: Member): Promise<SharedResult> {
    const { args, context, group } = member;
    const isPersonal = this.#personal.has(args.document);
    const who = isPersonal ? identityOf(context.actor) : '';
    const key = `${this.#numberOf(event)} ${group} ${who}`;
    const { answer, result } = this.#made.get(key) ?? (await this.#whenMade(key, event, member));
    if (answer.isPersonal && !isPersonal) {
      this.#personal.add(args.document);
      return this.#message(event, member);
    }
    void context.operation.charge(answer.chargedBytes);
    return result;
  }

  /** The message for a change, which the first who asks makes. The others get it in turn, as they were told of the change. */
  async #whenMade(key: string, event: LiveRow, member: Member): Promise<RowMessage> {
    const others = this.#making.get(key);
    if (others) return new Promise((resolve, reject) => others.push({ resolve, reject }));
    const waiting: AwaitedMessage[] = [];
    this.#making.set(key, waiting);
    try {
      const message = await this.#make(event, member);
      this.#made.set(key, message);
      void this.#options.courier.each(waiting, ({ resolve }) => resolve(message));
      return message;
    } catch (error) {
      for (const { reject } of waiting) reject(error);
      throw error;
    } finally {
      this.#making.delete(key);
    }
  }

  async #make(event: LiveRow, { args, context, touched }: Member): Promise<RowMessage> {
    const { document, operationName, variableValues } = args;
    const { engine, actor, address, correlationId, caller: countsAs } = context;
    const position = Math.min(event.position, freshnessOf(engine, touched));
    const answer = await executeShared(this.#options, {
      ...{ name: 'subscription message', document, operationName, rootValue: event, touched },
      variables: variableValues ?? {},
      caller: { actor, address, correlationId, countsAs },
      reads: new RightsSeen(),
      signal: undefined,
    });
    const consistency = { token: engine.tokens.encode(position), stale: answer.stale };
    return { answer, result: sharedResult(answer.json, answer.errors, { consistency }) };
  }

  #numberOf(named: object): number {
    const number = this.#numbers.get(named) ?? ++this.#lastNumber;
    this.#numbers.set(named, number);
    return number;
  }
}

/** A subscription has exactly one field at its root, which may be inside fragments. */
function isOfRow({ schema, document, operationName }: ExecutionArgs): boolean {
  const operation = getOperationAST(document, operationName);
  const [field] = operation ? rootFieldsOf(operation, fragmentsOf(document)) : [];
  const { extensions } = schema.getSubscriptionType()?.getFields()[field?.name.value ?? ''] ?? {};
  return extensions?.[ROW_MESSAGES] === true;
}
