import type { Signal } from '../database/signal.ts';
import { type Actor, callerKey } from '../kernel/define/access/actor.ts';
import type { Engine } from '../kernel/engine.ts';
import type { Turns } from '../scheduling/turns.ts';
import { AnswerBudget, type AnswerLimits } from './answer/budget.ts';
import type { SharedSink } from './answer/shared-json.ts';
import type { AnswerShares } from './answer/shares.ts';
import { OperationConsistency } from './consistency/operation-consistency.ts';
import type { LiveUpdates } from './live/live-updates.ts';
import type { LiveRows } from './live/rows/live-rows.ts';
import { type ApiObserver, unobservedApi } from './observe.ts';
import type { ReadAudit } from './read/audit/read-audit.ts';
import type { ReadModels } from './read/read-models.ts';
import type { ReadRecorder } from './read/read-recorder.ts';
import { Rows } from './read/rows.ts';
import { RunningOperation } from './running-operation.ts';

/** The tools of the resolvers of one operation. */
export interface Context {
  readonly engine: Engine;
  readonly actor: Actor | null;
  /** The address that the request came from; undefined if it is not known. */
  readonly address: string | undefined;
  /** The key under which the caller's shares are counted: see {@link callerKey}. */
  readonly caller: string;
  readonly correlationId: string;
  /** Tokens to read after, as a request's header names them. */
  readonly readAfter: string | undefined;
  /** The facts about the operation that are known only while it runs. */
  readonly operation: RunningOperation;
  /**
   * Aborted when the client of a subscription goes away while it is being opened; undefined if the signal of
   * `operation` covers this.
   */
  readonly opening: Signal | undefined;
  /** Rows that this actor may see. Each is loaded once for an operation, or for a message of a subscription. */
  readonly rows: Rows;
  readonly live: LiveRows;
  readonly updates: LiveUpdates;
  /** The budget that is left to the operation; renewed for each message of a subscription. */
  readonly budget: AnswerBudget;
  readonly consistency: OperationConsistency;
  /** The same object for all operations of one connection; undefined if it is not known. */
  readonly connection: object | undefined;
  /** Records who reads whose personal data; undefined if that is not recorded. */
  readonly readAudit: ReadAudit | undefined;
  readonly observer: ApiObserver;
}

/** The sender of an operation, as the transports (HTTP, SSE, WebSocket) know it. */
export interface Caller {
  readonly actor: Actor | null;
  /** The address that the request came from, as limits count it. */
  readonly address?: string | undefined;
  /** The key under which its shares are counted, if it is not the caller's own. */
  readonly countsAs?: string | undefined;
  readonly correlationId: string;
  readonly traceparent?: string | undefined;
  /** Tokens to read after, separated by commas. */
  readonly readAfter?: string | undefined;
  readonly signal?: Signal | undefined;
  /** Replaces `signal` if many subscriptions share one connection: an open subscription holds no reference to it. */
  readonly opening?: Signal | undefined;
  /** The same object for all operations of one connection. */
  readonly connection?: object | undefined;
  /** Sends it messages that many subscribers get, if its transport can. */
  readonly sink?: SharedSink | undefined;
}

/** The parts that all operations share. */
export interface Shared {
  readonly engine: Engine;
  readonly readModels: ReadModels;
  readonly live: LiveRows;
  readonly updates: LiveUpdates;
  /** Limits of what one operation may read and answer. */
  readonly answerLimits: AnswerLimits;
  /** Memory that all answers may take together; unlimited by default. */
  readonly answerShares?: AnswerShares | undefined;
  /** Turns of large answers on the event loop; by default each answer has its own. */
  readonly turns?: Turns | undefined;
  /** Records who reads whose personal data; optional. */
  readonly readAudit?: ReadAudit | undefined;
  /** Observes the API; optional. */
  readonly observer?: ApiObserver | undefined;
}

/**
 * A context for one operation.
 * @param recorder told what the operation reads.
 */
export function createContext(shared: Shared, caller: Caller, recorder?: ReadRecorder): Context {
  const { engine, readModels, live, updates, answerLimits, answerShares, turns, observer = unobservedApi } = shared;
  const by = caller.countsAs ?? callerKey(caller.actor, caller.address);
  const budget = new AnswerBudget(answerLimits, answerShares, by, turns);
  const consistency = new OperationConsistency(engine);
  const onStale = () => consistency.markStale();
  const hasParked = (name: string) => engine.readSide.positions.hasParked(name);
  const isDeclared = (name: string) => consistency.isDeclared(name);
  return {
    engine,
    actor: caller.actor,
    address: caller.address,
    caller: by,
    correlationId: caller.correlationId,
    readAfter: caller.readAfter,
    operation: new RunningOperation(caller.signal, caller.traceparent, caller.sink),
    opening: caller.opening,
    rows: new Rows(readModels, caller.actor, { caller: by, onStale, budget, hasParked, recorder, isDeclared }),
    live,
    updates,
    budget,
    consistency,
    connection: caller.connection,
    readAudit: shared.readAudit,
    observer,
  };
}
