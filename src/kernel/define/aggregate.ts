import type { DataOf, EventTypes, NewEvent } from './event.ts';

/** A consistency boundary: a kind of stream, and how its state follows from its events. */
export interface Aggregate<State = unknown, Events extends EventTypes = EventTypes> {
  /** Also the stream type in the log. */
  readonly name: string;
  readonly description: string | undefined;
  readonly events: Events;
  initialState(): State;
  /** The state after one more event. Pure; an event without a handler leaves the state as it is. */
  evolve(state: State, event: NewEvent): State;
  readonly snapshot: SnapshotPolicy;
}

export interface SnapshotPolicy {
  /** A snapshot after every so many events; 0 for none. */
  readonly every: number;
  /** Raise it when the state's shape changes: older snapshots are then ignored. */
  readonly stateVersion: number;
}

/** How each event changes the state; an event that changes nothing needs no entry. */
export type Evolve<State, Events extends EventTypes, Next extends State = State> = {
  readonly [K in keyof Events & string]?: (state: State, event: NewEvent<K, DataOf<Events[K]>>) => NoInfer<Next>;
};

/**
 * Defines an aggregate (Evans): the stream type `name`, its events and how they build its state.
 * The state must survive JSON, since snapshots keep it.
 */
export function defineAggregate<State, Events extends EventTypes, const Next extends State = State>(
  name: string,
  options: {
    readonly initialState: () => State;
    readonly events: Events;
    // `Next` is State; being `const`, it lets a handler write `status: 'SHIPPED'` where the state has a union there.
    readonly evolve: Evolve<State, Events, Next>;
    readonly snapshot?: Partial<SnapshotPolicy>;
    readonly description?: string;
  },
): Aggregate<State, Events> {
  for (const [key, event] of Object.entries(options.events)) {
    if (key !== event.eventName) throw new Error(`Aggregate ${name} lists event ${event.eventName} under ${key}.`);
  }
  const handlers = new Map(Object.entries(options.evolve)) as Map<string, (state: State, event: NewEvent) => State>;
  return {
    name,
    description: options.description,
    events: options.events,
    initialState: options.initialState,
    evolve: (state, event) => handlers.get(event.type)?.(state, event) ?? state,
    snapshot: { every: 100, stateVersion: 1, ...options.snapshot },
  };
}
