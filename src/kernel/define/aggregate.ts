import { type Actor, hasPower } from './access/actor.ts';
import type { Role } from './access/roles.ts';
import { DefinitionError, mismatch } from './definition-error.ts';
import type { DataOf, EventTypes, NewEvent } from './event.ts';
import type { PersonalPart } from './personal/personal-parts.ts';
import { type Subject, somebody } from './personal/subject.ts';
import { refuseMalformedVersion } from './version-number.ts';

/** A consistency boundary: a kind of stream, and how its state follows from its events. */
export interface Aggregate<State = unknown, Events extends EventTypes = EventTypes> {
  /** Also the stream type in the log. */
  readonly name: string;
  readonly description: string | undefined;
  readonly events: Events;
  initialState(): State;
  /** The state after one more event. Pure; an event of another aggregate does not change the state. */
  evolve(state: State, event: NewEvent): State;
  readonly snapshot: SnapshotPolicy;
  /** The rule of its author, if any. */
  readonly visibleTo: AggregateVisibility<never> | undefined;
  /** True if the actor may know that the aggregate with this id exists; undefined if its author gave no rule. */
  isVisibleTo(actor: Actor | null, state: State, id: string): boolean | undefined;
  /** Names of aggregates that may have the same id. */
  readonly sharesIdsWith: readonly string[];
  /** Its ids are ids of actors. */
  readonly idsAreActors: boolean;
  /** True if its author has said whom its events are about. */
  readonly hasSubject: boolean;
  /** Whom its events are about, unless they say so themselves, as far as its author has said so and somebody is known. */
  subjectOf(state: State, id: string): Subject | undefined;
  /** The personal parts of an event's data. */
  personalPartsOf(event: NewEvent): readonly PersonalPart[];
}

/**
 * Whom the events of an aggregate are about; nothing if nobody is known.
 * @param state the state after them.
 */
export type AggregateSubject<State> = (state: State, id: string) => Subject | null | undefined;

export interface SnapshotPolicy {
  /**
   * Number of events after which a snapshot is taken; 0 for none. If the state is larger than 16 kB, the snapshot waits
   * until the data of the events has twice as many bytes as the state, but for at most ten times as many events.
   */
  readonly every: number;
  /** Raise it when the state's shape changes: older snapshots are then ignored. */
  readonly stateVersion: number;
}

/**
 * Who may know that an aggregate exists, and at which version it is: everyone, or for each role `'all'` of them or a
 * rule over the state and the id. Roles with the power `everything` see all. Use the same rules as `visibleTo` of the
 * read model that shows it.
 */
export type AggregateVisibility<State> =
  | 'everyone'
  | { readonly [R in Role]?: 'all' | ((actor: Actor, state: State, id: string) => boolean) };

/** How each event changes the state. An event that does not change it has the entry {@link unchanged}. */
export type Evolve<State, Events extends EventTypes, Next extends State = State> = {
  readonly [K in keyof Events & string]: (state: State, event: NewEvent<K, DataOf<Events[K]>>) => NoInfer<Next>;
};

/** The entry in `evolve` of an event that does not change the state. */
export function unchanged<State>(state: State): State {
  return state;
}

/**
 * Defines an aggregate (Evans): the stream type `name`, its events and how they build its state. The state must survive
 * JSON, because snapshots store it.
 *
 * @param options.visibleTo who may know that an aggregate exists. To everybody else a command on it is answered as if
 * there were
 *   none: AggregateNotFound, or ID_TAKEN if it would have created one with that id. Without it, those may know of it
 *   whom the
 *   command's `allow` admits by their role alone.
 */
export function defineAggregate<State, Events extends EventTypes, const Next extends State = State>(
  name: string,
  options: {
    readonly initialState: () => State;
    readonly events: Events;
    // `Next` is State. Because it is `const`, a handler may write `status: 'SHIPPED'` if the state has a union type
    // there.
    readonly evolve: Evolve<State, Events, Next>;
    readonly snapshot?: Partial<SnapshotPolicy>;
    readonly visibleTo?: AggregateVisibility<State>;
    /**
     * Names of aggregates whose ids this one's streams may have, as an invoice has the id of its order. Otherwise an id
     * belongs to one aggregate, whatever its type, and a stream of another type cannot begin with it.
     */
    readonly sharesIdsWith?: readonly string[];
    /**
     * True if an id is that of the actor whom the aggregate represents, so that they cannot choose another. Such an
     * aggregate may begin although another one has the id: otherwise everybody who knows an actor's id could take it
     * first.
     */
    readonly idsAreActors?: boolean;
    /**
     * Whom its events are about, unless they say so themselves, as seen from the state after them: `(loan) =>
     * person(loan.memberId)`, or `(_, id) => person(id)` if the aggregate is the person. `inherited`: whom the event is about that has
     * caused their command, as for commands that a process issues.
     */
    readonly subject?: AggregateSubject<State> | 'inherited';
    readonly description?: string;
  },
): Aggregate<State, Events> {
  for (const [key, event] of Object.entries(options.events)) {
    if (key !== event.eventName) throw mismatch(`Aggregate ${name}`, 'event', event.eventName, key);
  }
  refuseIncomplete(name, options.events, options.evolve);
  const handlers = new Map(Object.entries(options.evolve)) as Map<string, (state: State, event: NewEvent) => State>;
  const { subject } = options;
  const snapshot = { every: 100, stateVersion: 1, ...options.snapshot };
  refuseMalformedVersion(`Aggregate ${name}`, 'stateVersion', snapshot.stateVersion);
  return {
    name,
    description: options.description,
    events: options.events,
    initialState: options.initialState,
    evolve: (state, event) => handlers.get(event.type)?.(state, event) ?? state,
    snapshot,
    visibleTo: options.visibleTo,
    isVisibleTo: (actor, state, id) => options.visibleTo && isVisible(options.visibleTo, actor, state, id),
    sharesIdsWith: options.sharesIdsWith ?? [],
    idsAreActors: options.idsAreActors ?? false,
    hasSubject: subject !== undefined,
    subjectOf: (state, id) => (typeof subject === 'function' ? somebody(subject(state, id)) : undefined),
    personalPartsOf: ({ type, data }) => options.events[type]?.personalParts.find(data) ?? [],
  };
}

/** An event without an entry would be stored and have no effect; an entry without an event would never be called. */
function refuseIncomplete(aggregate: string, events: EventTypes, evolve: Readonly<Record<string, unknown>>): void {
  const missing = Object.keys(events).find((event) => typeof evolve[event] !== 'function');
  if (missing !== undefined) {
    throw new DefinitionError(
      'EVOLVE_INCOMPLETE',
      { aggregate, event: missing },
      `${aggregate} has no entry for ${missing} in evolve. Write how the event changes the state, ` +
        `or that it does not: evolve: { ${missing}: unchanged }, with unchanged imported from 'afterwrite'.`,
    );
  }
  const unknown = Object.keys(evolve).find((event) => !Object.hasOwn(events, event));
  if (unknown === undefined) return;
  const sentence = `${aggregate} has ${unknown} in evolve, which is none of its events. Correct the name, or add the event to events.`;
  throw new DefinitionError('EVOLVE_INCOMPLETE', { aggregate, event: unknown }, sentence);
}

function isVisible<State>(visibleTo: AggregateVisibility<State>, actor: Actor | null, state: State, id: string) {
  if (visibleTo === 'everyone') return true;
  if (!actor) return false;
  if (hasPower(actor, 'everything')) return true;
  return actor.roles.some((role) => {
    const rule = visibleTo[role];
    return rule === 'all' || rule?.(actor, state, id) === true;
  });
}
