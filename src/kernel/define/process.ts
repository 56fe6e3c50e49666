import { type Aggregate, defineAggregate, type Evolve, type SnapshotPolicy } from './aggregate.ts';
import type { Command, CommandOf, InputOf } from './command.ts';
import type { DataOf, EventTypes, NewEvent, NewEventOf, RecordedEvent } from './event.ts';
import { processEvents } from './process-events.ts';

/**
 * One thing that a process does in answer to an event: it remembers something (an event of its own), issues a command, sets
 * itself a deadline or clears one.
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
  /** Null clears it. */
  readonly at: Date | null;
}

/**
 * A command that the process wants to be issued, by the application itself. It takes effect exactly once, however often the
 * process is told of the same event; where it is refused, the process's `refused` handler for it is told.
 */
export function issue<C extends Command>(command: C, input: InputOf<C>): IssueStep {
  return { step: 'issue', command: command.name, input };
}

/** The process's `deadlines` handler of this name is told at that time, after a restart too. Set again, it moves. */
export function setDeadline(name: string, at: Date): DeadlineStep {
  return { step: 'deadline', name, at };
}

/** The deadline is off. */
export function clearDeadline(name: string): DeadlineStep {
  return { step: 'deadline', name, at: null };
}

/** A command of the process that was not accepted. */
export interface Refusal<Input = unknown> {
  readonly input: Input;
  /** Names the rule that said no, as CommandRejected does; INVALID or NOT_FOUND where none did. */
  readonly code: string;
  readonly message: string;
  readonly at: Date;
}

/** A deadline whose time has come. */
export interface Reached {
  /** The process's id. */
  readonly process: string;
  /** When it was told: later than it was set for where nobody was there at that time. */
  readonly at: Date;
  /** What it was set for. */
  readonly due: Date;
}

/** How a process answers an event of somebody else's. */
export interface Reaction<State, Own extends NewEvent, Event extends RecordedEvent = RecordedEvent> {
  /** Which process the event concerns, by its id (a UUID); nothing where none. */
  process(event: Event): string | undefined;
  /** True where the event begins the process; any other is passed over by a process that has not begun. */
  readonly begins?: boolean;
  /** Pure. */
  react(state: State, event: Event): Step<Own> | readonly Step<Own>[];
}

/** A process manager: a stream of its own that answers events of other streams with commands. */
export interface Process<State = unknown> {
  readonly name: string;
  readonly description: string | undefined;
  /** Its stream: what it has remembered, asked for and been refused. */
  readonly aggregate: Aggregate<ProcessState<State>>;
  readonly on: ReadonlyMap<string, Reaction<State, NewEvent>>;
  /** The commands that it issues, by name. They need not be in the API. */
  readonly issues: ReadonlyMap<string, Command>;
  /** Whether it wants to be told that a command of this name was refused, or that a deadline of this name has come. */
  answers(what: 'refused' | 'deadlines', name: string): boolean;
  whenRefused(command: string, state: State, refusal: Refusal): Answer;
  whenReached(deadline: string, state: State, reached: Reached): Answer;
}
type Answer = Step | readonly Step[];

/** What is known of a process: its author's state, and what the engine keeps beside it. */
export interface ProcessState<State> {
  readonly own: State;
  /** Deadlines that are set: name → ISO time. */
  readonly deadlines: Readonly<Record<string, string>>;
}

/**
 * Defines a process manager (Hohpe and Woolf, *Enterprise Integration Patterns*; sagas after Garcia-Molina and Salem): it
 * carries something through several aggregates, one step after the other, and takes back what was done where a step fails.
 *
 * All of it is pure: the engine sees to it that each event is answered once, that commands take effect once, and that
 * deadlines survive a restart.
 *
 * @param options.events what it remembers of its steps, in its own words.
 * @param options.reactsTo the events of others that it may answer, for their types.
 * @param options.refused for a command that it issues, what to do where that is not accepted: the place to compensate.
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
    /** As of an aggregate: raise `stateVersion` when the shape of the state changes. */
    readonly snapshot?: Partial<SnapshotPolicy>;
    readonly reactsTo: Others;
    readonly on: {
      readonly [K in keyof Others & string]: Reaction<State, NewEventOf<Own>, RecordedEvent<K, DataOf<Others[K]>>>;
    };
    /** The commands that it issues, by their names: one that may still be under way stays here. */
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
    (state: State, refusal: Refusal) => Answer
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
