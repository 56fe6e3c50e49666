import type { z } from 'zod';
import type { Actor } from './access/actor.ts';
import type { Role } from './access/roles.ts';
import type { Aggregate } from './aggregate.ts';
import { DefinitionError } from './definition-error.ts';
import type { EventTypes, NewEvent, NewEventOf } from './event.ts';

/** A business rule refuses the command. */
export class Rejection {
  /** Names the rule, e.g. LOAN_ALREADY_CLOSED. */
  readonly code: string;
  readonly message: string;

  constructor(code: string, message: string) {
    this.code = code;
    this.message = message;
  }
}

/** Returned by `decide` and `gather` to refuse a command, with the code of the rule and a sentence for people. */
export function reject(code: string, message: string): Rejection {
  return new Rejection(code, message);
}

/** Loads another aggregate's current state for `gather`; undefined if it has no events. */
export type Load = <State>(aggregate: Aggregate<State>, id: string) => Promise<State | undefined>;

/** The tools with which `gather` finds facts. */
export interface GatherTools<State> {
  /**
   * Another aggregate's state, which is true at this moment but may have changed by the time the events are appended.
   */
  readonly load: Load;
  /**
   * Like `load`, but the events are appended only if the state has not changed by then; otherwise the command gathers
   * and decides again. So the events come after everything in the log that was seen, and before everything that was
   * not.
   */
  readonly hold: Load;
  /** The command's own aggregate. */
  readonly state: State;
  /** The same aggregate at a version of its stream; undefined if the stream does not have that version. */
  readonly stateAt: (version: number) => Promise<State | undefined>;
  /** The issuer of the command; null if nobody is signed in. */
  readonly actor: Actor | null;
}

/**
 * Who may issue a command: roles, or for each role `true` or a rule over the input, the aggregate's state and the
 * gathered facts (undefined if gathering ended with a rejection). `everyone` includes people who are not signed in. A
 * role with the power `everything` may issue every command.
 */
export type Allow<State, Input, Facts = unknown> =
  | 'everyone'
  | readonly Role[]
  | {
      readonly [R in Role]?: true | ((actor: Actor, input: Input, state: State, facts: Facts | undefined) => boolean);
    };

/** A command with its types; see {@link defineCommand}. */
export interface CommandDefinition<
  State,
  Events extends EventTypes,
  Schema extends z.ZodObject,
  Facts,
  Allowed extends NewEvent = NewEventOf<Events>,
> {
  readonly aggregate: Aggregate<State, Events>;
  /** Written once: the mutation's input type, its validation and `input`'s TypeScript type are derived from it. */
  readonly input: Schema;
  /** The id of the aggregate; nothing if a creating command leaves the id to the server. */
  readonly id: (input: z.output<Schema>) => string | null | undefined;
  /**
   * True if the command may begin a stream; any other command on an empty stream is answered with AggregateNotFound.
   */
  readonly creates?: boolean;
  readonly allow: Allow<State, z.output<Schema>, NoInfer<Facts>>;
  /** Facts that `decide` needs besides state and input. May only read with the given tools. */
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

/** The input type of a command, before validation. */
export type InputOf<C> = C extends { readonly input: infer Schema extends z.ZodType } ? z.input<Schema> : never;

/** A command that keeps its name and its input schema in the type, for callers in TypeScript. */
export type CommandOf<Schema extends z.ZodObject, Name extends string = string> = Command & {
  readonly name: Name;
  readonly input: Schema;
};

/**
 * Defines a command: validated input, a pure decision from state to events (Chassaing's decider), and the mutation of
 * the same name.
 * @throws {DefinitionError} ALLOW_MISSING if it does not say who may issue it.
 */
export function defineCommand<
  const Name extends string,
  State,
  Events extends EventTypes,
  Schema extends z.ZodObject,
  Facts = unknown,
>(name: Name, options: CommandDefinition<State, Events, Schema, Facts>): CommandOf<Schema, Name> {
  refuseWithoutAllow(name, options.allow);
  return {
    name,
    creates: false,
    ...options,
    description: options.description,
    gather: options.gather,
  } as unknown as CommandOf<Schema, Name>;
}

/** Nobody could issue it, and the first rule that looks at it would fail. */
function refuseWithoutAllow(command: string, allow: unknown): void {
  if (allow === 'everyone' || (typeof allow === 'object' && allow !== null)) return;
  throw new DefinitionError(
    'ALLOW_MISSING',
    { command },
    `Command ${command} does not say who may issue it. ` +
      "Write allow: 'everyone', a list of roles such as allow: ['librarian'], or a rule for each role: allow: { librarian: true }.",
  );
}
