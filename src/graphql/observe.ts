/** An operation whose answer is ready; of a subscription, one that was refused. */
export interface OperationAnswered {
  readonly kind: 'query' | 'mutation' | 'subscription';
  /** From when it was parsed, validated and authenticated. */
  readonly ms: number;
  /** Its answer has errors. */
  readonly failed: boolean;
}

/** A read that asked for a token to be honoured. */
export interface ReadWaited {
  readonly ms: number;
  /** `reached` also where nothing had to be waited for; `late` where it was not there in time, `refused` where it could not wait. */
  readonly kind: 'reached' | 'late' | 'refused';
}

/** Told what the API does, for metrics. Hooks return at once and do not throw. */
export interface ApiObserver {
  operationAnswered(answered: OperationAnswered): void;
  readWaited(waited: ReadWaited): void;
  /** A subscription has begun. */
  subscribed(): void;
  /** A subscription has ended, however it did. */
  unsubscribed(): void;
  /** A message went into a slot where one for the same key waited for its subscriber. */
  coalesced(): void;
}

/** Tells nobody. */
export const unobservedApi: ApiObserver = {
  operationAnswered: () => {},
  readWaited: () => {},
  subscribed: () => {},
  unsubscribed: () => {},
  coalesced: () => {},
};
