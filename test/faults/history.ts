/** A stream of the log. */
export interface StreamName {
  readonly type: string;
  readonly id: string;
}

/** A row as it was shown to somebody. `version` is 0 if there was none. */
export interface SeenRow {
  readonly stream: StreamName;
  readonly version: number;
  /** The shown row, by the names of the read model's columns. */
  readonly columns: Readonly<Record<string, unknown>>;
}

/** A command was sent, for the first time or again. */
export interface Sent {
  readonly is: 'sent';
  readonly attempt: number;
  readonly commandId: string;
  readonly command: string;
  /** The stream that it is about, as its sender knows it. */
  readonly stream: StreamName;
  /** The event that it is recorded as. */
  readonly event: string;
  readonly instance: string;
}

/** A `CommandReceipt` was received: only this makes a command acknowledged. */
export interface Acknowledged {
  readonly is: 'acknowledged';
  readonly attempt: number;
  readonly commandId: string;
  readonly aggregateId: string;
  readonly version: number;
  readonly token: string;
  readonly replayed: boolean;
}

/** Another answer that says that this attempt did nothing: one of the union's errors, or THROTTLED. */
export interface Refused {
  readonly is: 'refused';
  readonly attempt: number;
  readonly commandId: string;
  readonly type: string;
  readonly code: string;
}

/** No answer, or one that leaves open what has happened: maybe it is in the log, maybe not, maybe it will be. */
export interface Unknown {
  readonly is: 'unknown';
  readonly attempt: number;
  readonly commandId: string;
  readonly reason: string;
}

/** A query was answered. */
export interface Read {
  readonly is: 'read';
  /** By a query, or by the `query` of a command's receipt, which stands for `after` and `token`. */
  readonly by: 'query' | 'receipt';
  readonly askedAt: number;
  readonly instance: string;
  /** The tokens that were sent with it. */
  readonly after: readonly string[];
  readonly token: string;
  /** The answer says itself that it may be older than its tokens. */
  readonly stale: boolean;
  readonly rows: readonly SeenRow[];
  /** It asked for all streams whose row has this value, and was given them all: one that is not among `rows` was not there. */
  readonly allOf?: { readonly type: string; readonly column: string; readonly value: unknown };
}

/** A query was not answered, or with an error. */
export interface Unread {
  readonly is: 'unread';
  readonly instance: string;
  readonly after: readonly string[];
  readonly code: string;
}

/** A subscription began, or began again after it was interrupted. */
export interface Subscribed {
  readonly is: 'subscribed';
  readonly subscription: string;
  readonly to: { readonly stream: StreamName } | { readonly projections: readonly string[] };
  readonly after: string;
}

/** A message of `orderUpdated`. */
export interface Shown {
  readonly is: 'shown';
  readonly subscription: string;
  readonly row: SeenRow;
}

/** A message of `projectionUpdated`. */
export interface Moved {
  readonly is: 'moved';
  readonly subscription: string;
  readonly projection: string;
  readonly token: string;
  readonly keys: readonly string[] | null;
}

/** A subscription ended though its client wanted more. */
export interface Interrupted {
  readonly is: 'interrupted';
  readonly subscription: string;
  readonly code: string;
}

/** Something that a client did or was told. */
export type Observation =
  | Sent
  | Acknowledged
  | Refused
  | Unknown
  | Read
  | Unread
  | Subscribed
  | Shown
  | Moved
  | Interrupted;

/** An observation and when it was made: milliseconds since the beginning, by the one clock that all clients share. */
export type Timed = Observation & { readonly at: number };

/** All that one client did and was told, in its order. */
export interface History {
  readonly client: string;
  readonly records: readonly Timed[];
}

/** Writes a client's history. */
export class Recorder implements History {
  readonly client: string;
  readonly records: Timed[] = [];
  readonly #clock: () => number;
  #attempts = 0;

  constructor(client: string, clock: () => number) {
    this.client = client;
    this.#clock = clock;
  }

  get now(): number {
    return this.#clock();
  }

  /** A number for an attempt that no other of this client has. */
  nextAttempt(): number {
    return ++this.#attempts;
  }

  add(observation: Observation): void {
    this.records.push({ ...observation, at: this.#clock() });
  }
}
