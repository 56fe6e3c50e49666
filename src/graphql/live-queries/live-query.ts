import { Ending } from '../../database/signal.ts';
import type { Courier } from '../../kernel/notify/courier.ts';
import { later, type Timer } from '../../scheduling/timers.ts';
import { areAt, freshnessOf } from '../consistency/wait.ts';
import type { ExecutionTools, SharedAnswer } from '../live/shared/shared-execution.ts';
import { unobservedApi } from '../observe.ts';
import { ExecutionPace, intervalOf, shortestInterval } from './execution-pace.ts';
import type { ExecutionQueue } from './execution-queue.ts';
import { executeLive } from './live-execution.ts';
import { LiveMessage, type MessageSource } from './live-message.ts';
import type { LivePlan } from './plan.ts';
import { callerOf, SharedCost } from './shared-cost.ts';
import type { LiveSubscriber } from './subscriber.ts';
import { TokenWaits } from './token-waits.ts';
import type { ChangeRouter } from './watch/change-router.ts';
import type { RecordedReads } from './watch/recorded-reads.ts';

/** Interval at which fields are looked at that no read model announces, in ms. */
const POLL_MS = 1000;
/** Executions that fail before subscribers are told. */
const ATTEMPTS = 3;

/** What all live queries work with. */
export interface LiveQueryTools extends ExecutionTools {
  readonly router: ChangeRouter;
  readonly queue: ExecutionQueue;
  readonly courier: Courier;
}

export interface LiveQueryOptions {
  readonly tools: LiveQueryTools;
  readonly plan: LivePlan;
  readonly variables: Readonly<Record<string, unknown>>;
  /** True if all subscribers are the same actor. */
  readonly isPersonal: boolean;
  /** Of all its executions, so that the same fault gives the same answer. */
  readonly correlationId: string;
  /** Called if its answer turns out to be personal and {@link isPersonal} is false. */
  readonly onPersonal: () => void;
}

/**
 * One query with its variables, live, for all subscribers with the same rights. It is executed again after a change of
 * something that it has read, and never twice at the same time.
 */
export class LiveQuery implements MessageSource {
  readonly #options: LiveQueryOptions;
  readonly #subscribers = new Set<LiveSubscriber>();
  /** Those who have not had a message yet. */
  readonly #newcomers = new Set<LiveSubscriber>();
  readonly #waits: TokenWaits;
  readonly #closed = new Ending();
  readonly #cost: SharedCost;
  readonly #pace = new ExecutionPace(() => {
    this.#isRunning = true;
    // Let the projector finish its turn: everything that it changes in this turn is shown together.
    setImmediate(() => void this.#run());
  });
  #latest: LiveMessage | undefined;
  /** What the newest answer was made of. */
  #reads: RecordedReads | undefined;
  /** Value of `retreats` when the newest answer was read. */
  #retreats = 0;
  /** Something has changed since the last execution began, or a subscriber needs a newer answer. */
  #isDirty = false;
  #isRunning = false;
  #poll: Timer | undefined;
  /** Who has paid for the newest execution, and how long they should wait before the next one, in ms. */
  #charged: { readonly caller: string; readonly rest: Promise<number> } | undefined;
  /** Executions that failed one after the other. */
  #failures = 0;
  /** Attempts to execute it, one after the other, while the log or the read models were behind the newest answer. */
  #lags = 0;

  constructor(options: LiveQueryOptions) {
    this.#options = options;
    this.#waits = new TokenWaits(options.tools.shared.engine.readSide.positions, options.plan.touched);
    this.#cost = new SharedCost(options.plan.document);
  }

  get latest(): LiveMessage | undefined {
    return this.#latest;
  }

  get subscribers(): ReadonlySet<LiveSubscriber> {
    return this.#subscribers;
  }

  /** @throws {ThrottledError} BadUserInputError if the subscriber would have to pay for the query and has no room. */
  join(subscriber: LiveSubscriber): void {
    if (!this.#cost.payer) this.#cost.payBy(subscriber);
    // Nobody waits because of what others have used up.
    else if (this.#cost.relieve(subscriber)) this.#pace.rest(0);
    this.#subscribers.add(subscriber);
    this.#newcomers.add(subscriber);
    subscriber.attach(this);
    this.#serve(subscriber);
  }

  leave(subscriber: LiveSubscriber): void {
    if (!this.#subscribers.delete(subscriber)) return;
    this.#newcomers.delete(subscriber);
    this.#waits.forget(subscriber);
    if (this.#cost.payer !== subscriber) return;
    this.#cost.release();
    this.#findPayer();
  }

  /** Ends all work. It has no subscribers any more. */
  close(): void {
    this.#closed.abort();
    this.#pace.cancel();
    this.#poll?.cancel();
    this.#reads?.close();
    this.#cost.release();
  }

  /** Lets another subscriber pay. Those who cannot are refused. */
  #findPayer(): void {
    for (const next of this.#subscribers) {
      try {
        this.#cost.payBy(next);
        return;
      } catch (error) {
        next.fail(error);
      }
    }
  }

  /** Gives a subscriber the newest answer if it is current and fresh enough, or sees to it that there will be one. */
  #serve(subscriber: LiveSubscriber): void {
    const { tools, plan } = this.#options;
    if (!areAt(tools.shared.engine, plan.touched, subscriber.position)) {
      const refuse = (error: unknown) => subscriber.fail(error);
      void this.#waits.wait(subscriber, () => this.#serve(subscriber), refuse);
    } else if (this.#isCurrent) {
      this.#confirm();
      this.#offer(subscriber);
    } else if (!this.#isRunning) {
      // A running execution may serve it: see the end of it. One that is expected may come too late for it.
      this.#isDirty = true;
      this.#pace.expect(intervalOf(subscriber));
    }
  }

  /** True if the newest answer is what an execution would answer now. */
  get #isCurrent(): boolean {
    const { retreats } = this.#options.tools.shared.engine.readSide.positions;
    if (!this.#latest || this.#isDirty || this.#isRunning || this.#options.plan.isPolled) return false;
    return this.#retreats === retreats && !this.#reads?.isUncertain;
  }

  /** Nothing that the newest answer was made of has changed: it is as fresh as the read models are now. */
  #confirm(): void {
    if (!this.#latest) return;
    const { tools, plan } = this.#options;
    const position = Math.max(this.#latest.position, freshnessOf(tools.shared.engine, plan.touched));
    this.#latest = this.#latest.at(position);
  }

  /** Called in the projector's turn. */
  readonly #demand = (): void => {
    if (this.#isDirty) return;
    this.#isDirty = true;
    this.#schedule();
  };

  /** Executes as soon as it may, if there is a reason to. */
  #schedule(): void {
    if (this.#isDirty && !this.#isRunning && !this.#closed.aborted)
      this.#pace.expect(shortestInterval(this.#subscribers));
  }

  async #run(): Promise<void> {
    this.#poll?.cancel();
    try {
      const answer = await this.#execute();
      if (answer) await this.#publish(answer);
      await this.#rest();
    } catch (error) {
      this.#options.tools.reportFault(error, this.#options.correlationId);
      this.#tryAgain();
    }
    this.#isRunning = false;
    for (const newcomer of this.#newcomers) this.#serve(newcomer);
    this.#schedule();
  }

  /** Lets somebody else pay if the payer has used up their points. It rests if nobody has points left. */
  async #rest(): Promise<void> {
    const { caller = '', rest } = this.#charged ?? {};
    const ms = (await rest) ?? 0;
    this.#charged = undefined;
    if (ms > 0) this.#pace.rest(this.#cost.exhausted(caller, ms, this.#subscribers));
  }

  /** @returns undefined if there is nothing to publish now. */
  async #execute(): Promise<LiveMessage | undefined> {
    const { tools, plan, variables, correlationId, isPersonal } = this.#options;
    const { engine, observer = unobservedApi } = tools.shared;
    const { positions } = engine.readSide;
    const floor = this.#latest?.position ?? 0;
    const countsAs = callerOf(this.#subscribers, this.#cost.payer);
    // After a crash of Postgres its read models may be behind what subscribers have seen.
    await this.#waits.level(floor, countsAs, this.#closed);
    const { cost = 0 } = this.#cost.payer?.context.operation ?? {};
    return tools.queue.run(countsAs, cost, async () => {
      const payer = this.#cost.payer;
      if (!payer || this.#closed.aborted) {
        this.#isDirty = false;
        return undefined;
      }
      const began = performance.now();
      const { actor, address } = payer.context;
      const position = freshnessOf(engine, plan.touched);
      const { retreats } = positions;
      this.#isDirty = position < floor;
      if (this.#isDirty) {
        // The log has lost its end, and nothing announces when it is as long again.
        this.#pace.pause(++this.#lags);
        return undefined;
      }
      this.#lags = 0;
      const reads = tools.router.record(plan.touched, this.#demand);
      const asking = {
        plan,
        variables,
        caller: { actor, address, correlationId, countsAs },
        reads,
        signal: this.#closed,
        chargeLater: (bytes: number) => void payer.context.operation.charge(bytes),
      };
      let answer: SharedAnswer;
      try {
        answer = await executeLive(tools, asking);
      } catch (error) {
        reads.close();
        throw error;
      }
      tools.queue.took(countsAs, answer.chargedBytes);
      const { caller, operation } = payer.context;
      this.#charged = { caller, rest: operation.charge(answer.chargedBytes, plan.fields) };
      observer.tell('liveQueryExecuted', { ms: performance.now() - began, failed: answer.mayPass });
      const isVoid = this.#closed.aborted || retreats !== positions.retreats;
      if (isVoid || (answer.isPersonal && !isPersonal) || !this.#isWorthTelling(answer)) {
        reads.close();
        if (isVoid) this.#isDirty = true;
        else if (answer.isPersonal && !isPersonal) this.#options.onPersonal();
        return undefined;
      }
      this.#reads?.close();
      this.#reads = reads;
      this.#retreats = retreats;
      return new LiveMessage(answer, position, (at) => engine.tokens.encode(at));
    });
  }

  /** False for a failure that may pass, unless it did not pass several times. After every failure it tries again. */
  #isWorthTelling({ mayPass }: SharedAnswer): boolean {
    if (!mayPass) this.#failures = 0;
    return !mayPass || this.#tryAgain() >= ATTEMPTS;
  }

  /** Executes again after a pause. @returns how many executions have failed. */
  #tryAgain(): number {
    this.#isDirty = true;
    this.#pace.pause(++this.#failures);
    return this.#failures;
  }

  /** Offers an answer to everybody whom it concerns. Resolves after the last one. */
  async #publish(message: LiveMessage): Promise<void> {
    const isNew = message.answer.digest !== this.#latest?.answer.digest;
    this.#latest = isNew ? message : this.#latest?.at(message.position);
    if (isNew) this.#hold(message.answer);
    if (!this.#isDirty && !this.#reads?.isUncertain) this.#confirm();
    this.#pace.published();
    await this.#options.tools.courier.each(isNew ? this.#subscribers : this.#newcomers, (subscriber) =>
      this.#offer(subscriber),
    );
    if (this.#options.plan.isPolled && !this.#closed.aborted) this.#poll = later(POLL_MS, this.#demand);
  }

  #offer(subscriber: LiveSubscriber): void {
    subscriber.offer();
    if (!subscriber.isNew) this.#newcomers.delete(subscriber);
  }

  /** Counts the memory of an answer. Subscribers who have no room for it are refused. */
  #hold({ json: { bytes } }: SharedAnswer): void {
    for (let { payer } = this.#cost; payer; payer = this.#cost.payer) {
      try {
        this.#cost.holdAnswer(bytes);
        return;
      } catch (error) {
        payer.fail(error);
      }
    }
  }
}
