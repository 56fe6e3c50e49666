import {
  type Aggregate,
  type AggregateSubject,
  defineAggregate,
  type Evolve,
  type SnapshotPolicy,
  unchanged,
} from '../aggregate.ts';
import type { Command, CommandOf, InputOf } from '../command.ts';
import { DefinitionError, mismatch } from '../definition-error.ts';
import type { DataOf, EventTypes, NewEvent, NewEventOf, RecordedEvent } from '../event.ts';
import { processEvents } from './process-events.ts';
import { requestParts } from './request-parts.ts';

/**
 * A step of a process in reaction to an event: it remembers something (an event of its own), issues a command, sets a
 * deadline or clears one. Functions that return steps say which: `Step<Own, 'lendBook' | 'sendReminder', 'due'>`.
 */
export type Step<Own extends NewEvent = NewEvent, Issued extends string = string, Deadlines extends string = string> =
  | Own
  | IssueStep<Issued>
  | DeadlineStep<Deadlines>;

export interface IssueStep<Name extends string = string> {
  readonly step: 'issue';
  readonly command: Name;
  readonly input: unknown;
}
export interface DeadlineStep<Name extends string = string> {
  readonly step: 'deadline';
  readonly name: Name;
  /** Null clears the deadline. */
  readonly at: Date | null;
}

/**
 * A command that the application should issue for the process. It takes effect exactly once, however often the process
 * sees the same event. If it is refused, the process's `refused` handler for it is called.
 */
export function issue<C extends Command>(command: C, input: InputOf<C>): IssueStep<C['name']> {
  return { step: 'issue', command: command.name, input };
}

/**
 * Calls the process's `deadlines` handler of this name at that time, also after a restart. Setting it again moves it.
 */
export function setDeadline<const Name extends string>(name: Name, at: Date): DeadlineStep<Name> {
  return { step: 'deadline', name, at };
}

/** Removes a deadline. */
export function clearDeadline<const Name extends string>(name: Name): DeadlineStep<Name> {
  return { step: 'deadline', name, at: null };
}

/** A command of the process that was not accepted. */
export interface Refusal<Input = unknown> {
  readonly input: Input;
  /** The code of the rule that refused it, as in CommandRejected; INVALID or NOT_FOUND if it was not a rule. */
  readonly code: string;
  readonly message: string;
  readonly at: Date;
}

/** A deadline that has fired. */
export interface Reached {
  /** The process's id. */
  readonly process: string;
  /** When it fired. This is later than its time if no server was running then. */
  readonly at: Date;
  /** The time for which it was set. */
  readonly due: Date;
}

/** The reaction of a process to an event of another stream. */
export interface Reaction<State, Next extends Step = Step, Event extends RecordedEvent = RecordedEvent> {
  /** The id (a UUID) of the process that the event concerns; nothing if there is none. */
  process(event: Event): string | undefined;
  /** True if the event begins the process; a process that has not begun ignores all others. */
  readonly begins?: boolean;
  /** Pure. */
  react(state: State, event: Event): OneOrMore<Next>;
}

/** A process manager: a stream of its own that reacts to events of other streams with commands. */
export interface Process<State = unknown> {
  readonly name: string;
  readonly description: string | undefined;
  /** Its stream contains what it has remembered and requested, and which requests were refused. */
  readonly aggregate: Aggregate<ProcessState<State>>;
  readonly on: ReadonlyMap<string, Reaction<State>>;
  /** The commands that it issues, by name. They need not be in the API. */
  readonly issues: ReadonlyMap<string, Command>;
  /** Names of the deadlines that it may set. */
  readonly deadlines: readonly string[];
  /** True if it has a handler for a refused command or a deadline of this name. */
  answers(what: 'refused' | 'deadlines', name: string): boolean;
  whenRefused(command: string, state: State, refusal: Refusal): ReactionSteps;
  whenReached(deadline: string, state: State, reached: Reached): ReactionSteps;
}
type OneOrMore<T> = T | readonly T[];
type ReactionSteps = OneOrMore<Step>;

/** The state of a process: that of its author, and the engine's own. */
export interface ProcessState<State> {
  readonly own: State;
  /** The deadlines that are set: name → ISO time. */
  readonly deadlines: Readonly<Record<string, string>>;
}

/**
 * Defines a process manager (Hohpe and Woolf, *Enterprise Integration Patterns*; sagas after Garcia-Molina and Salem):
 * it coordinates several aggregates, one step after the other, and compensates completed steps if one fails.
 *
 * All of it is pure. The engine guarantees that each event is handled once, that commands take effect once, and that
 * deadlines survive a restart.
 *
 * @param options.events its own events, with which it remembers its steps.
 * @param options.reactsTo the events of others that it may handle, for their types.
 * @param options.issues the commands that its reactions may issue; another one is refused by the compiler, and when it is issued.
 * @param options.deadlines what happens at each deadline; one without an entry can neither be set nor cleared.
 * @param options.refused for each command that it issues, the reaction to a refusal: the place to compensate.
 * @throws {DefinitionError} NOTHING_BEGINS if no reaction begins it; NAME_RESERVED, NAME_MISMATCH, EVOLVE_INCOMPLETE.
 */
export function defineProcess<
  State,
  Own extends EventTypes,
  Others extends EventTypes,
  Commands extends Readonly<Record<string, Command>>,
  Deadlines extends string = never,
  const Next extends State = State,
>(
  name: string,
  options: {
    readonly initialState: () => State;
    readonly events: Own;
    readonly evolve: Evolve<State, Own, Next>;
    /** As for an aggregate: raise `stateVersion` when the shape of the state changes. */
    readonly snapshot?: Partial<SnapshotPolicy>;
    /**
     * Whom its events are about, as for an aggregate. By default, whom the event is about that it reacts to, or whom its earlier events
     * are about.
     */
    readonly subject?: AggregateSubject<State>;
    readonly reactsTo: Others;
    readonly on: {
      readonly [K in keyof Others & string]: Reaction<
        State,
        Step<NewEventOf<Own>, keyof Commands & string, NoInfer<Deadlines>>,
        RecordedEvent<K, DataOf<Others[K]>>
      >;
    };
    /** The commands that it issues, by name. Keep a command here while one may still be in progress. */
    readonly issues: Commands;
    readonly refused?: {
      readonly [K in keyof Commands & string]?: (
        state: State,
        refusal: Refusal<Commands[K] extends CommandOf<infer _Schema> ? InputOf<Commands[K]> : unknown>,
      ) => OneOrMore<Step<NewEventOf<Own>, keyof Commands & string, NoInfer<Deadlines>>>;
    };
    readonly deadlines?: {
      readonly [D in Deadlines]: (
        state: State,
        reached: Reached,
      ) => OneOrMore<Step<NewEventOf<Own>, keyof Commands & string, NoInfer<Deadlines>>>;
    };
    readonly description?: string;
  },
): Process<State> {
  const { events, initialState, description } = options;
  for (const [key, command] of Object.entries(options.issues)) {
    if (key !== command.name) throw mismatch(`Process ${name}`, 'command', command.name, key);
  }
  refuseEngineEvents(name, events);
  refuseBeginless(name, options.on);
  const evolveOwn = options.evolve as unknown as Readonly<Record<string, (state: State, event: NewEvent) => State>>;
  const own = Object.entries(evolveOwn).map(([type, evolve]) => [
    type,
    (state: ProcessState<State>, event: NewEvent) => ({ ...state, own: evolve(state.own, event) }),
  ]);
  const { subject } = options;
  const stream = defineAggregate<ProcessState<State>, EventTypes>(name, {
    ...(description === undefined ? {} : { description }),
    ...(options.snapshot ? { snapshot: options.snapshot } : {}),
    initialState: () => ({ own: initialState(), deadlines: {} }),
    events: { ...events, ...processEvents },
    evolve: { ...Object.fromEntries(own), ...engineEvolve },
    subject: subject ? (state, id) => subject(state.own, id) : 'inherited',
  });
  const inRequest = requestParts(options.issues);
  const aggregate: typeof stream = {
    ...stream,
    personalPartsOf: (event) => inRequest(event) ?? stream.personalPartsOf(event),
  };
  const refused = new Map(Object.entries(options.refused ?? {})) as unknown as ReadonlyMap<
    string,
    (state: State, refusal: Refusal) => ReactionSteps
  >;
  const deadlines = new Map(Object.entries(options.deadlines ?? {})) as unknown as ReadonlyMap<
    string,
    (state: State, reached: Reached) => ReactionSteps
  >;
  return {
    name,
    description,
    aggregate,
    on: new Map(Object.entries(options.on)) as unknown as Process<State>['on'],
    issues: new Map(Object.entries(options.issues)),
    deadlines: [...deadlines.keys()],
    answers: (what, which) => (what === 'refused' ? refused : deadlines).has(which),
    whenRefused: (command, state, refusal) => refused.get(command)?.(state, refusal) ?? [],
    whenReached: (deadline, state, reached) => deadlines.get(deadline)?.(state, reached) ?? [],
  };
}

/** The engine's own events would replace them. */
function refuseEngineEvents(process: string, events: EventTypes): void {
  const taken = Object.keys(events).find((event) => Object.hasOwn(processEvents, event));
  if (taken === undefined) return;
  const sentence = `Process ${process} has an event ${taken}, which is the name of an event of the engine. Give it another name.`;
  throw new DefinitionError('NAME_RESERVED', { process, event: taken }, sentence);
}

/** A process that nothing begins ignores every event. */
function refuseBeginless(process: string, on: Readonly<Record<string, { readonly begins?: boolean }>>): void {
  const reactions = Object.entries(on);
  if (reactions.some(([, { begins }]) => begins)) return;
  const example = reactions[0]?.[0] ?? 'SomethingHappened';
  throw new DefinitionError(
    'NOTHING_BEGINS',
    { process, events: reactions.map(([event]) => event) },
    `Process ${process} has no reaction that begins it, so that it would ignore every event. ` +
      `Say begins: true in the reaction to the first event of the process, for example on: { ${example}: { begins: true, … } }.`,
  );
}

type EngineEvents = typeof processEvents;

const engineEvolve: Evolve<ProcessState<unknown>, EngineEvents> = {
  CommandRequested: unchanged,
  CommandRefused: unchanged,
  DeadlineSet: (state, { data: { name, at } }) => ({ ...state, deadlines: { ...state.deadlines, [name]: at } }),
  DeadlineCleared: (state, { data }) => ({ ...state, deadlines: without(state.deadlines, data.name) }),
  DeadlineReached: (state, { data }) => ({ ...state, deadlines: without(state.deadlines, data.name) }),
};

function without<T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> {
  const { [key]: _, ...others } = record;
  return others;
}
