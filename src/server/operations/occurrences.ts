import type { ApiOccurrences } from '../../graphql/observe.ts';
import type { EngineOccurrences } from '../../kernel/observe/occurrences.ts';
import type { Observer, SubscriberOf } from '../../observe/observer.ts';
import type { RefusalOccurrences } from '../limits/refusals.ts';
import type { LoopBlock } from '../loop/loop-watch.ts';

/** An action for a client that failed. */
export type TransportStep =
  | 'handle a request'
  | 'open a WebSocket'
  | 'check the credentials of a WebSocket'
  | 'handle a message of a WebSocket';

/** A fault outside of any operation. */
export interface TransportFailed {
  readonly step: TransportStep;
  readonly error: unknown;
  readonly correlationId: string | undefined;
}

/** All occurrences that a server reports, by name. */
export interface ServerOccurrences extends EngineOccurrences, ApiOccurrences, RefusalOccurrences {
  /** One thing blocked the event loop for longer than EVENT_LOOP_BLOCK_MS. */
  readonly loopBlocked: LoopBlock;
  readonly transportFailed: TransportFailed;
  /** The connection of a WebSocket broke. */
  readonly socketBroke: { readonly error: unknown; readonly correlationId: string | undefined };
  /** Pages of this origin may not call the server. Told once for each origin. */
  readonly originRefused: { readonly origin: string };
  /** The Redis of LIMITS_REDIS_URL does not answer. Told at most once a minute. */
  readonly sharedCountsLost: { readonly error: unknown };
  /** The Redis of LIMITS_REDIS_URL answers, for the first time or again. */
  readonly sharedCountsFound: undefined;
}

export type ServerSubscriber = SubscriberOf<ServerOccurrences>;

/** The one observer of a server or a worker. */
export type ServerObserver = Observer<ServerOccurrences>;
