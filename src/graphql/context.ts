import type { Signal } from '../database/signal.ts';
import { type Actor, callerKey } from '../kernel/define/access/actor.ts';
import type { Engine } from '../kernel/engine.ts';
import type { Turns } from '../scheduling/turns.ts';
import { AnswerBudget, type AnswerLimits } from './answer/budget.ts';
import type { AnswerShares } from './answer/shares.ts';
import type { LiveRows } from './live/live-rows.ts';
import type { LiveUpdates } from './live/live-updates.ts';
import type { Allotment } from './live/subscription-budget.ts';
import { type ApiObserver, unobservedApi } from './observe.ts';
import type { ReadModels } from './read/read-models.ts';
import type { ReadRecorder } from './read/read-recorder.ts';
import { Rows } from './read/rows.ts';

/** What resolvers of one operation can use. */
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
  /** W3C trace context for the operation's commands: that of its own span if there is one, otherwise the client's. */
  traceparent: string | undefined;
  /**
   * Aborted when the client is gone, or the operation or the message of a subscription has taken too long. Over
   * WebSocket a subscription has a signal only while a message is resolved.
   */
  signal: Signal | undefined;
  /**
   * Aborted when the client of a subscription goes away while it is being opened; undefined if `signal` covers this.
   */
  readonly opening: Signal | undefined;
  /** Rows that this actor may see. Each is loaded once for an operation, or for a message of a subscription. */
  readonly rows: Rows;
  readonly live: LiveRows;
  readonly updates: LiveUpdates;
  /** What the operation may still spend; renewed for each message of a subscription. */
  readonly budget: AnswerBudget;
  /** What the operation may cost at most, in points of its document; 0 until it is known. */
  cost: number;
  readonly consistency: OperationConsistency;
  /** The same object for all operations of one connection; undefined if it is not known. */
  readonly connection: object | undefined;
  /** What a subscription may hold in memory; undefined for other operations. */
  allotment: Allotment | undefined;
  /** Called when a message of a subscription is about to be resolved. */
  onMessage: (() => void) | undefined;
  /** Called when the operation resumes after an answer of the database, or with a message. */
  onResumed: (() => void) | undefined;
  readonly observer: ApiObserver;
}

/** What an operation has waited for and written. Its answer shows this in `extensions.consistency`. */
export interface OperationConsistency {
  /** Position of the last event that the operation appended. */
  appended: number | undefined;
  /** Everything that was read is at least this fresh. */
  read: number | undefined;
  /** For a subscription: the read models that its fields are resolved from. */
  touched: readonly string[];
  /** True if data that was read had not caught up in time, or lacks events. */
  stale: boolean;
}

/** The sender of an operation, as the transports (HTTP, SSE, WebSocket) know it. */
export interface Caller {
  readonly actor: Actor | null;
  /** The address that the request came from, as limits count it. */
  readonly address?: string | undefined;
  readonly correlationId: string;
  readonly traceparent?: string | undefined;
  /** Tokens to read after, separated by commas. */
  readonly readAfter?: string | undefined;
  readonly signal?: Signal | undefined;
  /** Replaces `signal` if many subscriptions share one connection: an open subscription holds no reference to it. */
  readonly opening?: Signal | undefined;
  /** The same object for all operations of one connection. */
  readonly connection?: object | undefined;
}

/** What all operations share. */
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
  /** Observes the API; optional. */
  readonly observer?: ApiObserver | undefined;
}

/**
 * A context for one operation.
 * @param recorder told what the operation reads.
 */
export function createContext(shared: Shared, caller: Caller, recorder?: ReadRecorder): Context {
  const { engine, readModels, live, updates, answerLimits, answerShares, turns, observer = unobservedApi } = shared;
  const by = callerKey(caller.actor, caller.address);
  const budget = new AnswerBudget(answerLimits, answerShares, by, turns);
  const consistency: OperationConsistency = { appended: undefined, read: undefined, touched: [], stale: false };
  const onStale = () => {
    consistency.stale = true;
  };
  const hasParked = (name: string) => engine.readSide.positions.hasParked(name);
  return {
    engine,
    actor: caller.actor,
    address: caller.address,
    caller: by,
    correlationId: caller.correlationId,
    readAfter: caller.readAfter,
    traceparent: caller.traceparent,
    signal: caller.signal,
    opening: caller.opening,
    rows: new Rows(readModels, caller.actor, onStale, budget, hasParked, recorder),
    live,
    updates,
    budget,
    cost: 0,
    consistency,
    connection: caller.connection,
    allotment: undefined,
    onMessage: undefined,
    onResumed: undefined,
    observer,
  };
}
