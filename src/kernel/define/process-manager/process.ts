import { type Aggregate, defineAggregate, type Evolve, type SnapshotPolicy } from '../aggregate.ts';
import type { Command, CommandOf, InputOf } from '../command.ts';
import type { DataOf, EventTypes, NewEvent, NewEventOf, RecordedEvent } from '../event.ts';
import { processEvents } from './process-events.ts';

/**
 * A step of a process in reaction to an event: it remembers something (an event of its own), issues a command, sets a
 * deadline or clears one.
 */
export type Step<Own extends NewEvent = NewEvent> = Own | IssueStep | DeadlineStep;

export interface IssueStep {
  readonly step: 'issue';
  readonly command: string;
  readonly input: unknown;
}
export interface DeadlineStep {
  readonly step: 'deadline';
  readonly name: string;
  /** Null clears the deadline. */
  readonly at: Date | null;
}

/**
 * A command that the application should issue for the process. It takes effect exactly once, however often the process
 * sees the same event. If it is refused, the process's `refused` handler for it is called.
 */
export function issue<C extends Command>(command: C, input: InputOf<C>): IssueStep {
  return { step: 'issue', command: command.name, input };
}

/**
 * Calls the process's `deadlines` handler of this name at that time, also after a restart. Setting it again moves it.
 */
export function setDeadline(name: string, at: Date): DeadlineStep {
  return { step: 'deadline', name, at };
}

/** Removes a deadline. */
export function clearDeadline(name: string): DeadlineStep {
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
  /** When it fired: later than its time if nobody was running then. */
  readonly at: Date;
  /** The time for which it was set. */
  readonly due: Date;
}

/** The reaction of a process to an event of another stream. */
export interface Reaction<State, Own extends NewEvent, Event extends RecordedEvent = RecordedEvent> {
  /** The id (a UUID) of the process that the event concerns; nothing if there is none. */
  process(event: Event): string | undefined;
  /** True if the event begins the process; a process that has not begun ignores all others. */
  readonly begins?: boolean;
  /** Pure. */
  react(state: State, event: Event): Step<Own> | readonly Step<Own>[];
}

/** A process manager: a stream of its own that reacts to events of other streams with commands. */
export interface Process<State = unknown> {
  readonly name: string;
  readonly description: string | undefined;
  /** Its stream: what it has remembered, requested, and which requests were refused. */
  readonly aggregate: Aggregate<ProcessState<State>>;
  readonly on: ReadonlyMap<string, Reaction<State, NewEvent>>;
  /** The commands that it issues, by name. They need not be in the API. */
  readonly issues: ReadonlyMap<string, Command>;
  /** Whether it has a handler for a refused command or a deadline of this name. */
  answers(what: 'refused' | 'deadlines', name: string): boolean;
  whenRefused(command: string, state: State, refusal: Refusal): ReactionSteps;
  whenReached(deadline: string, state: State, reached: Reached): ReactionSteps;
}
type ReactionSteps = Step | readonly Step[];

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
 * @param options.refused for each command that it issues, the reaction to a refusal: the place to compensate.
 */
export function defineProcess<
  State,
  Own extends EventTypes,
  Others extends EventTypes,
  Commands extends Readonly<Record<string, Command>>,
  const Next extends State = State,
>(
  name: string,
  options: {
    readonly initialState: () => State;
    readonly events: Own;
    readonly evolve: Evolve<State, Own, Next>;
    /** As for an aggregate: raise `stateVersion` when the shape of the state changes. */
    readonly snapshot?: Partial<SnapshotPolicy>;
    readonly reactsTo: Others;
    readonly on: {
      readonly [K in keyof Others & string]: Reaction<State, NewEventOf<Own>, RecordedEvent<K, DataOf<Others[K]>>>;
    };
    /** The commands that it issues, by name. Keep a command here while one may still be in progress. */
    readonly issues: Commands;
    readonly refused?: {
      readonly [K in keyof Commands & string]?: (
        state: State,
        refusal: Refusal<Commands[K] extends CommandOf<infer _Schema> ? InputOf<Commands[K]> : unknown>,
      ) => Step<NewEventOf<Own>> | readonly Step<NewEventOf<Own>>[];
    };
    readonly deadlines?: Readonly<
      Record<string, (state: State, reached: Reached) => Step<NewEventOf<Own>> | readonly Step<NewEventOf<Own>>[]>
    >;
    readonly description?: string;
  },
): Process<State> {
  const { events, initialState, description } = options;
  for (const [key, command] of Object.entries(options.issues)) {
    if (key !== command.name) throw new Error(`Process ${name} lists command ${command.name} under ${key}.`);
  }
  const evolveOwn = options.evolve as unknown as Readonly<Record<string, (state: State, event: NewEvent) => State>>;
  const own = Object.keys(events).map((type) => [
    type,
    (state: ProcessState<State>, event: NewEvent) => ({
      ...state,
      own: evolveOwn[type]?.(state.own, event) ?? state.own,
    }),
  ]);
  const aggregate = defineAggregate<ProcessState<State>, EventTypes>(name, {
    ...(description === undefined ? {} : { description }),
    ...(options.snapshot ? { snapshot: options.snapshot } : {}),
    initialState: () => ({ own: initialState(), deadlines: {} }),
    events: { ...events, ...processEvents },
    evolve: { ...Object.fromEntries(own), ...engineEvolve },
  });
  const refused = new Map(Object.entries(options.refused ?? {})) as unknown as ReadonlyMap<
    string,
    (state: State, refusal: Refusal) => ReactionSteps
  >;
  return {
    name,
    description,
    aggregate,
    on: new Map(Object.entries(options.on)) as unknown as Process<State>['on'],
    issues: new Map(Object.entries(options.issues)),
    answers: (what, which) => Object.hasOwn(options[what] ?? {}, which),
    whenRefused: (command, state, refusal) => refused.get(command)?.(state, refusal) ?? [],
    whenReached: (deadline, state, reached) => options.deadlines?.[deadline]?.(state, reached) ?? [],
  };
}

type EngineEvents = typeof processEvents;

const engineEvolve: Evolve<ProcessState<unknown>, EngineEvents> = {
  DeadlineSet: (state, { data: { name, at } }) => ({ ...state, deadlines: { ...state.deadlines, [name]: at } }),
  DeadlineCleared: (state, { data }) => ({ ...state, deadlines: without(state.deadlines, data.name) }),
  DeadlineReached: (state, { data }) => ({ ...state, deadlines: without(state.deadlines, data.name) }),
};

function without<T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> {
  const { [key]: _, ...others } = record;
  return others;
}
