import { Observer } from '../observe/observer.ts';

/** An operation whose answer is ready, or a subscription that was refused. */
export interface OperationAnswered {
  readonly kind: 'query' | 'mutation' | 'subscription';
  /** Time since it was parsed, validated and authenticated. */
  readonly ms: number;
  /** Its answer has errors. */
  readonly failed: boolean;
}

/** A read with a consistency token. */
export interface ReadWaited {
  readonly ms: number;
  /**
   * `reached`: the position was reached, possibly without waiting. `late`: it was not reached in time. `refused`: the
   * read could not wait.
   */
  readonly kind: 'reached' | 'late' | 'refused';
}

/** An execution of a live query. */
export interface LiveQueryExecuted {
  readonly ms: number;
  /** Its answer has errors that may pass: it is executed again. */
  readonly failed: boolean;
}

/** All occurrences that the API reports, by name. There is at most one for an operation or a message. */
export interface ApiOccurrences {
  readonly operationAnswered: OperationAnswered;
  readonly readWaited: ReadWaited;
  /** A subscription has begun. */
  readonly subscriptionBegun: undefined;
  /** A subscription has ended, for whatever reason. */
  readonly subscriptionEnded: undefined;
  /** A message replaced one for the same key that its subscriber had not read. */
  readonly messageCoalesced: undefined;
  /** A live query was executed, for all of its subscribers. */
  readonly liveQueryExecuted: LiveQueryExecuted;
  /** A fault was masked in an answer. */
  readonly requestFailed: { readonly error: unknown; readonly correlationId: string | undefined };
}

export type ApiObserver = Observer<ApiOccurrences>;

/** An observer without subscribers. */
export const unobservedApi: ApiObserver = new Observer<ApiOccurrences>();
