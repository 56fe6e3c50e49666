import { hash, randomUUID } from 'node:crypto';
import { createSourceEventStream, type ExecutionArgs, type ExecutionResult } from 'graphql';
import { LRUCache } from 'lru-cache';
import { Ending } from '../../../database/signal.ts';
import type { Courier } from '../../../kernel/notify/courier.ts';
import { type Backoff, backoffMs } from '../../../scheduling/backoff.ts';
import { pause } from '../../../scheduling/sleeper.ts';
import { type SharedResult, sharedResult } from '../../answer/shared-json.ts';
import { LevelWaits } from '../../consistency/level-waits.ts';
import { areAt, freshnessOf } from '../../consistency/wait.ts';
import type { Context } from '../../context.ts';
import { valuesOf } from '../../documents/parts.ts';
import { execute, MAX_COERCION_ERRORS } from '../../execution/execute.ts';
import { FinalError } from '../fresh.ts';
import { identityOf, rightsOf } from '../shared/rights.ts';
import { RightsSeen } from '../shared/rights-seen.ts';
import { type ExecutionTools, executeShared, type SharedAnswer } from '../shared/shared-execution.ts';
import type { LiveRow } from './live-row.ts';
import { afterOf, type RowPlan, rowPlanOf } from './row-plan.ts';

export interface RowMessagesOptions extends ExecutionTools {
  readonly courier: Courier;
  /** Whether errors may suggest names of the schema. */
  readonly suggestions: boolean;
  /** How long a message waits for read models that are behind the one of the row, in ms: 2 seconds by default. */
  readonly waitMs?: number;
}

type RowMessageStream = AsyncIterableIterator<ExecutionResult, undefined>;

/** One subscription to a row. */
interface Member {
  readonly args: ExecutionArgs;
  readonly context: Context;
  readonly plan: RowPlan;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Equal for subscriptions that ask for the same with the same rights. */
  readonly group: string;
  /** Equal for the same actor. */
  readonly identity: string;
  /** Its next message is at this position or later: that of `after`, then that of its last message. */
  floor: number;
}

/** Those who wait for a message, of all who ask for the same with the same rights. */
interface Asking {
  readonly members: Set<Member>;
  /** Messages that are being made for them, and who waits for each besides the one who makes it. By the change. */
  readonly making: Map<string, AwaitedMessage[]>;
  /** Aborted when none of them asks any more. */
  readonly gone: Ending;
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
  /** The message is as fresh as this. */
  readonly position: number;
  /** Whether its errors have the correlation id of the one for whom it was made. Then it is nobody else's. */
  readonly namesOne: boolean;
}

type Events = AsyncIterableIterator<LiveRow | FinalError>;

/** Bytes of JSON of the newest messages together. Those who are too slow for them have theirs made again. */
const KEPT_BYTES = 8 * 1024 * 1024;
/** Bytes of a message besides its JSON. */
const MESSAGE_BYTES = 1024;
/** Executions that fail before subscribers are told, and the pauses between them. */
const ATTEMPTS = 3;
const PAUSES: Backoff = { firstMs: 50, maxMs: 2000 };

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
  /** By group. */
  readonly #asking = new Map<string, Asking>();
  readonly #waits: LevelWaits;
  /** Of changes. */
  readonly #numbers = new WeakMap<object, number>();
  /** Plans whose answers have been found to depend on who asks. */
  readonly #personal = new WeakSet<RowPlan>();
  #lastNumber = 0;

  constructor(options: RowMessagesOptions) {
    this.#options = options;
    this.#waits = new LevelWaits(options.shared.engine.readSide.positions, options.waitMs);
  }

  /**
   * The messages of a subscription.
   * @returns undefined if the subscription is not to a row; a result if it is refused.
   */
  async subscribe(args: ExecutionArgs): Promise<RowMessageStream | ExecutionResult | undefined> {
    const plan = rowPlanOf(args);
    if (!plan) return undefined;
    const events = await createSourceEventStream({
      ...args,
      hideSuggestions: !this.#options.suggestions,
      options: { maxCoercionErrors: MAX_COERCION_ERRORS },
    });
    if (!(Symbol.asyncIterator in events)) return events;
    return this.#messages(events as Events, memberOf(args, plan));
  }

  #messages(events: Events, member: Member): RowMessageStream {
    let asking: Asking | undefined;
    return {
      next: async () => {
        const others = this.#asks(member);
        asking = others;
        try {
          // Each execution has a time of its own, and none of them is this subscription's alone.
          member.context.operation.whenMessageBegins(() => {});
          const { value: event, done } = await events.next();
          if (done) return { value: undefined, done: true };
          // The end of this subscription alone.
          if (event instanceof FinalError) {
            const args = { ...member.args, contextValue: member.context, rootValue: event };
            return { value: await execute(args), done: false };
          }
          return { value: await this.#message(event, member, others), done: false };
        } finally {
          this.#asksNoMore(member, others);
        }
      },
      return: async () => {
        if (asking) this.#asksNoMore(member, asking);
        await events.return?.();
        return { value: undefined, done: true };
      },
      throw: (error) => Promise.reject(error),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #asks(member: Member): Asking {
    const { group } = member;
    const asking = this.#asking.get(group) ?? { members: new Set(), making: new Map(), gone: new Ending() };
    this.#asking.set(group, asking);
    asking.members.add(member);
    return asking;
  }

  #asksNoMore(member: Member, asking: Asking): void {
    if (!asking.members.delete(member) || asking.members.size > 0) return;
    // The message under way is cancelled. A member who asks from now on has a new one made.
    this.#asking.delete(member.group);
    asking.gone.abort();
  }

  async #message(event: LiveRow, member: Member, asking: Asking): Promise<SharedResult> {
    const { context, group, plan, identity } = member;
    const isPersonal = this.#personal.has(plan);
    const key = `${this.#numberOf(event)} ${group} ${isPersonal ? identity : ''}`;
    const known = this.#made.get(key);
    const message =
      known && known.position >= member.floor ? known : await this.#newMessage(key, event, member, asking);
    const { answer, result, position } = message;
    if (answer.isPersonal && !isPersonal) {
      this.#personal.add(plan);
      return this.#message(event, member, asking);
    }
    member.floor = Math.max(member.floor, position);
    void context.operation.charge(answer.chargedBytes);
    return result;
  }

  /** One that was begun before this subscription may be older than it asks for, or name somebody else: see {@link RowMessage}. */
  async #newMessage(key: string, event: LiveRow, member: Member, asking: Asking): Promise<RowMessage> {
    const begun = asking.making.has(key);
    const message = await this.#whenMade(key, event, member, asking);
    if (message.position >= member.floor && !(begun && message.namesOne)) return message;
    return this.#whenMade(key, event, member, asking);
  }

  /** The message for a change, which the first who asks makes. The others get it in turn, as they were told of the change. */
  async #whenMade(key: string, event: LiveRow, member: Member, asking: Asking): Promise<RowMessage> {
    const { making, gone } = asking;
    const others = making.get(key);
    if (others) return new Promise((resolve, reject) => others.push({ resolve, reject }));
    const waiting: AwaitedMessage[] = [];
    making.set(key, waiting);
    try {
      const message = await this.#attempt(event, member, asking);
      // A failure that may have passed is nobody's but theirs who have waited for it.
      if (!message.answer.mayPass && !gone.aborted) this.#made.set(key, message);
      void this.#options.courier.each(waiting, ({ resolve }) => resolve(message));
      return message;
    } catch (error) {
      for (const { reject } of waiting) reject(error);
      throw error;
    } finally {
      making.delete(key);
    }
  }

  /**
   * Makes a message. A failure that may pass is repeated after a pause, with the shares of another one of those who ask:
   * nobody is refused because of what somebody else has used up.
   */
  async #attempt(event: LiveRow, first: Member, asking: Asking): Promise<RowMessage> {
    const { plan, context } = first;
    // Nearly always they are there already. Looking for those who pay takes time for each of those who ask.
    if (!areAt(context.engine, plan.touched, event.position)) {
      const countsAs = payingFor(first, this.#payersBeside(first, asking));
      await this.#waits.level(plan.touched, event.position, countsAs, asking.gone);
    }
    for (let attempt = 1; ; attempt++) {
      const payers = this.#payersBeside(first, asking);
      const payer = payers[(attempt - 1) % payers.length] as Member;
      const message = await this.#make(event, payer, payingFor(payer, payers), asking);
      if (!message.answer.mayPass || attempt === ATTEMPTS || asking.gone.aborted) return message;
      await pause(backoffMs(attempt, PAUSES));
    }
  }

  /** One member for each caller, of those who ask for the same as this one. It is the first. */
  #payersBeside(first: Member, { members }: Asking): readonly Member[] {
    const isPersonal = this.#personal.has(first.plan);
    const payers = new Map([[first.context.caller, first]]);
    for (const member of members) {
      const { caller } = member.context;
      if (!payers.has(caller) && (!isPersonal || member.identity === first.identity)) payers.set(caller, member);
      if (payers.size === ATTEMPTS) break;
    }
    return [...payers.values()];
  }

  /** @param countsAs to whom the execution counts. */
  async #make(event: LiveRow, payer: Member, countsAs: string, { members, gone }: Asking): Promise<RowMessage> {
    const { plan, variables, context } = payer;
    const { engine, actor, address } = context;
    const isLate = !areAt(engine, plan.touched, event.position);
    const position = Math.min(event.position, freshnessOf(engine, plan.touched));
    // If several subscriptions get it, nobody may choose the id in an error.
    const isAlone = members.size <= 1;
    const answer = await executeShared(this.#options, {
      ...{ name: 'subscription message', document: plan.document, rootValue: event, touched: plan.touched, variables },
      caller: { actor, address, correlationId: isAlone ? context.correlationId : randomUUID(), countsAs },
      reads: new RightsSeen(),
      signal: gone,
      chargeLater: (bytes) => void context.operation.charge(bytes),
    });
    const consistency = { token: engine.tokens.encode(position), stale: answer.stale || isLate };
    const namesOne = isAlone && answer.mayPass;
    return { answer, result: sharedResult(answer.json, answer.errors, { consistency }), position, namesOne };
  }

  #numberOf(named: object): number {
    const number = this.#numbers.get(named) ?? ++this.#lastNumber;
    this.#numbers.set(named, number);
    return number;
  }
}

/** To whom work for all of these counts. If they are several, nobody waits because of what the one who pays does besides. */
function payingFor({ context: { caller } }: Member, payers: readonly Member[]): string {
  return payers.length > 1 ? `row messages of ${caller}` : caller;
}

function memberOf(args: ExecutionArgs, plan: RowPlan): Member {
  const context = args.contextValue as Context;
  const { engine, actor } = context;
  const variables = valuesOf(plan.variables, args.variableValues ?? {});
  const rights = rightsOf(actor, plan.touched, engine.registry.projections);
  // Not what the values were parsed to: that may have no text, or the same text for different values.
  const asked = JSON.stringify([plan.text, Object.entries(variables), rights]);
  const after = afterOf(args);
  return {
    ...{ args, context, plan, variables, group: hash('sha256', asked, 'base64'), identity: identityOf(actor) },
    floor: after === undefined ? 0 : engine.tokens.decode(after),
  };
}
