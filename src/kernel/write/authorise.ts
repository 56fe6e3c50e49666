import { type Actor, hasPower, hasRole } from '../define/access/actor.ts';
import { type Command, Rejection } from '../define/command.ts';
import type { CommandOutcome } from '../define/command-outcome.ts';
import { ForbiddenError, UnauthenticatedError } from '../errors.ts';

type Rule = (actor: Actor, input: unknown, state: unknown, facts: unknown) => boolean;

/** True if the actor may issue the command, whatever its input and the aggregate's state. */
export function mayAlways(command: Command, actor: Actor | null): boolean {
  if (command.allow === 'everyone') return true;
  if (!actor) return false;
  if (hasPower(actor, 'everything')) return true;
  if (Array.isArray(command.allow)) return hasRole(actor, ...command.allow);
  const rules = command.allow as Partial<Record<string, true | Rule>>;
  return actor.roles.some((role) => rules[role] === true);
}

/** @throws {UnauthenticatedError} {@link ForbiddenError} if the actor may not issue the command, whatever its input. */
export function refuseByRole(command: Command, actor: Actor | null): void {
  if (mayAlways(command, actor)) return;
  if (!actor) throw new UnauthenticatedError(`Sign in to issue ${command.name}.`);
  if (rulesFor(command, actor).length === 0) throw new ForbiddenError(`You may not issue ${command.name}.`);
}

/**
 * True if one of the actor's roles has a rule that this input and state satisfy.
 * @param facts what the command has gathered; it may be a rejection.
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
 * What an actor may do to, or know about, the aggregate of a command.
 *
 * - `permitted`: they may issue the command.
 * - `forbidden`: they may not, and the refusal reveals nothing that they do not know.
 * - `absent`: there is no such aggregate, or they may not know about it. Both get the same answer.
 * - `taken`: the command would create an aggregate with that id, and there is one that they may not know about.
 */
export type CommandAccess = 'permitted' | 'forbidden' | 'absent' | 'taken';

/** The facts about a stream that decide who may see its aggregate. */
interface DecidedStream {
  readonly streamId: string;
  readonly version: number;
  readonly state: unknown;
}

/** @param facts what the command has gathered; it may be a rejection. */
export function commandAccess(
  command: Command,
  actor: Actor | null,
  input: unknown,
  stream: DecidedStream,
  facts: unknown,
): CommandAccess {
  const { version, state } = stream;
  const exists = version > 0;
  if (!exists && !command.creates) return 'absent';
  if (mayHere(command, actor, input, state, facts)) {
    return exists && command.creates && !maySee(command, actor, stream) ? 'taken' : 'permitted';
  }
  if (!exists || maySee(command, actor, stream)) return 'forbidden';
  if (!command.creates) return 'absent';
  // The actor could not use a free id either, so the refusal says nothing about this id.
  return mayHere(command, actor, input, command.aggregate.initialState(), facts) ? 'taken' : 'forbidden';
}

/** True if the actor may know that the aggregate exists. */
function maySee(command: Command, actor: Actor | null, { streamId, state }: DecidedStream): boolean {
  return command.aggregate.isVisibleTo(actor, state, streamId) ?? mayAlways(command, actor);
}

/**
 * The answer about an aggregate that the actor may not know about: the same as for a free id. If it must disclose that
 * the id is taken, it discloses only that.
 */
export function answerUnseen(
  { aggregate: { name: aggregate } }: Command,
  aggregateId: string,
  access: 'absent' | 'taken',
  expectedVersion: number | null | undefined,
): CommandOutcome {
  if (access === 'absent') return { kind: 'notFound', aggregate, aggregateId };
  // A free id is at version 0.
  if (expectedVersion) return { kind: 'conflict', expectedVersion, actualVersion: 0 };
  return ID_TAKEN;
}

/** The answer to a command that would create an aggregate under an id that another stream has, of any type. */
export const ID_TAKEN: CommandOutcome = {
  kind: 'rejected',
  code: 'ID_TAKEN',
  message: 'This id is taken. Choose another, or leave it out.',
};
