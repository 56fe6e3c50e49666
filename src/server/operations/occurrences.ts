import type { ApiOccurrences } from '../../graphql/observe.ts';
import type { Observer, Occurrences, SubscriberOf } from '../../kernel/observe/observer.ts';
import type { LoopBlock } from '../loop/loop-watch.ts';

/** All occurrences that a server reports, by name. */
export interface ServerOccurrences extends Occurrences, ApiOccurrences {
  /** One thing blocked the event loop for longer than EVENT_LOOP_BLOCK_MS. */
  readonly loopBlocked: LoopBlock;
}

export type ServerSubscriber = SubscriberOf<ServerOccurrences>;

/** The one observer of a server or a worker. */
export type ServerObserver = Observer<ServerOccurrences>;
