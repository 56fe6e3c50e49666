import { type Actor, hasPower, hasRole } from '../define/actor.ts';
import { type Command, Rejection } from '../define/command.ts';
import type { CommandOutcome } from '../define/command-outcome.ts';
import { ForbiddenError, UnauthenticatedError } from '../errors.ts';

type Rule = (actor: Actor, input: unknown, state: unknown, facts: unknown) => boolean;

/** True where the actor may issue the command whatever its input and the aggregate's state. */
export function mayAlways(command: Command, actor: Actor | null): boolean {
  if (command.allow === 'everyone') return true;
  if (!actor) return false;
  if (hasPower(actor, 'everything')) return true;
  if (Array.isArray(command.allow)) return hasRole(actor, ...command.allow);
  const rules = command.allow as Partial<Record<string, true | Rule>>;
  return actor.roles.some((role) => rules[role] === true);
}

/** @throws {UnauthenticatedError} {@link ForbiddenError} where the actor may not issue it whatever it says. */
export function refuseByRole(command: Command, actor: Actor | null): void {
  if (mayAlways(command, actor)) return;
  if (!actor) throw new UnauthenticatedError(`Sign in to issue ${command.name}.`);
  if (rulesFor(command, actor).length === 0) throw new ForbiddenError(`You may not issue ${command.name}.`);
}

/**
 * True where one of the actor's roles has a rule that this input and state satisfy.
 * @param facts what the command has gathered, a rejection among them.
 */
export function mayHere(
  command: Command,
  actor: Actor | null,
  input: unknown,
  state: unknown,
  facts: unknown,
): boolean {
  if (mayAlways(command, actor)) return true;
  if (!actor) return false;
  const known = facts instanceof Rejection ? undefined : facts;
  return rulesFor(command, actor).some((rule) => rule(actor, input, state, known));
}

function rulesFor(command: Command, actor: Actor): Rule[] {
  if (command.allow === 'everyone' || Array.isArray(command.allow)) return [];
  const rules = command.allow as Partial<Record<string, true | Rule>>;
  return actor.roles.flatMap((role) => {
    const rule = rules[role];
    return typeof rule === 'function' ? [rule] : [];
  });
}

/**
 * How an actor stands to the aggregate that a command is about.
 *
 * - `permitted`: they may issue the command.
 * - `forbidden`: they may not, and saying so tells nothing that they do not know.
 * - `absent`: there is no such aggregate, or they may not know of it. Both are answered alike.
 * - `taken`: the command would create an aggregate of that id, and there is one that they may not know of.
 */
export type Standing = 'permitted' | 'forbidden' | 'absent' | 'taken';

/** The stream of an aggregate, as far as deciding who may see it needs to know it. */
interface Seen {
  readonly streamId: string;
  readonly version: number;
  readonly state: unknown;
}

/** @param facts what the command has gathered, a rejection among them. */
export function standingOf(
  command: Command,
  actor: Actor | null,
  input: unknown,
  stream: Seen,
  facts: unknown,
): Standing {
  const { version, state } = stream;
  const exists = version > 0;
  if (!exists && !command.creates) return 'absent';
  if (mayHere(command, actor, input, state, facts)) {
    return exists && command.creates && !maySee(command, actor, stream) ? 'taken' : 'permitted';
  }
  if (!exists || maySee(command, actor, stream)) return 'forbidden';
  if (!command.creates) return 'absent';
  // If they could not create one of a free id either, the refusal says nothing about this id.
  return mayHere(command, actor, input, command.aggregate.initialState(), facts) ? 'taken' : 'forbidden';
}

/** True if the actor may know that the aggregate exists. */
function maySee(command: Command, actor: Actor | null, { streamId, state }: Seen): boolean {
  return command.aggregate.isVisibleTo(actor, state, streamId) ?? mayAlways(command, actor);
}

/**
 * The answer in place of an aggregate that the actor may not know of: what a free id would be answered. If it can only be
 * that the id is taken, that is all that is told.
 */
export function answerUnseen(
  { aggregate: { name: aggregate } }: Command,
  aggregateId: string,
  standing: 'absent' | 'taken',
  expectedVersion: number | null | undefined,
): CommandOutcome {
  if (standing === 'absent') return { kind: 'notFound', aggregate, aggregateId };
  // A free id is at version 0.
  if (expectedVersion) return { kind: 'conflict', expectedVersion, actualVersion: 0 };
  return ID_TAKEN;
}

/** The answer to a command that would create an aggregate of an id that is in use, by whatever type. */
export const ID_TAKEN: CommandOutcome = {
  kind: 'rejected',
  code: 'ID_TAKEN',
  message: 'This id is taken. Choose another, or leave it out.',
};
