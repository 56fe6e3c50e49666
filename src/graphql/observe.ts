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
   * `reached` also if nothing had to be waited for; `late` if it was not there in time; `refused` if it could not wait.
   */
  readonly kind: 'reached' | 'late' | 'refused';
}

/** Observes the API, for metrics. Hooks return at once and do not throw. */
export interface ApiObserver {
  operationAnswered(answered: OperationAnswered): void;
  readWaited(waited: ReadWaited): void;
  /** A subscription has begun. */
  subscribed(): void;
  /** A subscription has ended, for whatever reason. */
  unsubscribed(): void;
  /** A message replaced one for the same key that its subscriber had not read. */
  coalesced(): void;
}

/** Observes nothing. */
export const unobservedApi: ApiObserver = {
  operationAnswered: () => {},
  readWaited: () => {},
  subscribed: () => {},
  unsubscribed: () => {},
  coalesced: () => {},
};
