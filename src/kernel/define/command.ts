import type { z } from 'zod';
import type { Actor } from './actor.ts';
import type { Aggregate } from './aggregate.ts';
import type { EventTypes, NewEvent, NewEventOf } from './event.ts';
import type { Role } from './roles.ts';

/** A business rule says no. */
export class Rejection {
  /** Names the rule, e.g. ORDER_ALREADY_SHIPPED. */
  readonly code: string;
  readonly message: string;

  constructor(code: string, message: string) {
    this.code = code;
    this.message = message;
  }
}

/** What `decide` and `gather` return to say no: the rule's name and a sentence for a person. */
export function reject(code: string, message: string): Rejection {
  return new Rejection(code, message);
}

/** Loads another aggregate's present state for `gather`; undefined where it has no events. */
export type Load = <State>(aggregate: Aggregate<State>, id: string) => Promise<State | undefined>;

/** What `gather` has to find facts with. */
export interface GatherTools<State> {
  /** Another aggregate's state, true at this moment: it may have changed by the time the events are appended. */
  readonly load: Load;
  /**
   * Like `load`, and the events are appended only if it has not changed by then: else the command gathers and decides again.
   * So in the log they stand after all that was seen and before all that was not.
   */
  readonly hold: Load;
  /** The command's own aggregate. */
  readonly state: State;
  /** The same as it was at a version of its stream; undefined where the stream does not have that version. */
  readonly stateAt: (version: number) => Promise<State | undefined>;
  /** Who issues the command; null where nobody is signed in. */
  readonly actor: Actor | null;
}

/**
 * Who may issue a command: roles, or for each role `true` or a rule over the input, the aggregate's state and what the command
 * has gathered (nothing where that came to a rejection).
 * `everyone` includes people who are not signed in. A role with the power `everything` may issue every command.
 */
export type Allow<State, Input, Facts = unknown> =
  | 'everyone'
  | readonly Role[]
  | {
      readonly [R in Role]?: true | ((actor: Actor, input: Input, state: State, facts: Facts | undefined) => boolean);
    };

/** What a command does, with its types; see {@link defineCommand}. */
export interface CommandDefinition<
  State,
  Events extends EventTypes,
  Schema extends z.ZodObject,
  Facts,
  Allowed extends NewEvent = NewEventOf<Events>,
> {
  readonly aggregate: Aggregate<State, Events>;
  /** Written once: the mutation's input type, its validation and `input`'s TypeScript type. */
  readonly input: Schema;
  /** Which aggregate; nothing where a creating command leaves the id to the server. */
  readonly id: (input: z.output<Schema>) => string | null | undefined;
  /** True where the command begins a stream; any other command on an empty stream answers AggregateNotFound. */
  readonly creates?: boolean;
  readonly allow: Allow<State, z.output<Schema>, NoInfer<Facts>>;
  /** Facts that `decide` needs besides state and input. May not read anything but what its tools give. */
  readonly gather?: (input: z.output<Schema>, tools: GatherTools<State>) => Promise<Facts | Rejection>;
  /** Pure. No events is a valid answer: accepted, nothing happened. */
  readonly decide: (state: State, input: z.output<Schema>, facts: Facts) => Allowed | readonly Allowed[] | Rejection;
  readonly description?: string;
}

/** A command as the bus and the API see it. */
export interface Command {
  readonly name: string;
  readonly description: string | undefined;
  readonly aggregate: Aggregate<unknown, EventTypes>;
  readonly input: z.ZodObject;
  readonly creates: boolean;
  readonly allow: Allow<unknown, unknown>;
  readonly id: (input: unknown) => string | null | undefined;
  readonly gather: ((input: unknown, tools: GatherTools<unknown>) => Promise<unknown>) | undefined;
  readonly decide: (state: unknown, input: unknown, facts: unknown) => NewEvent | readonly NewEvent[] | Rejection;
}

/** The input type of a command, as its caller writes it. */
export type InputOf<C> = C extends { readonly input: infer Schema extends z.ZodType } ? z.input<Schema> : never;

/** A command with its input schema kept in the type, for callers in TypeScript. */
export type CommandOf<Schema extends z.ZodObject> = Command & { readonly input: Schema };

/**
 * Defines a command: validated input, a pure decision from state to events (Chassaing's decider), and the mutation of
 * the same name.
 */
export function defineCommand<State, Events extends EventTypes, Schema extends z.ZodObject, Facts = undefined>(
  name: string,
  options: CommandDefinition<State, Events, Schema, Facts>,
): CommandOf<Schema> {
  return {
    name,
    creates: false,
    ...options,
    description: options.description,
    gather: options.gather,
  } as unknown as CommandOf<Schema>;
}
