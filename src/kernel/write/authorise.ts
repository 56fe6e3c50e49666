import { type Actor, hasRole } from '../define/actor.ts';
import { type Command, Rejection } from '../define/command.ts';
import { ForbiddenError, UnauthenticatedError } from '../errors.ts';

type Rule = (actor: Actor, input: unknown, state: unknown, facts: unknown) => boolean;

/** True where the actor may issue the command whatever its input and the aggregate's state. */
export function mayAlways(command: Command, actor: Actor | null): boolean {
  if (command.allow === 'everyone') return true;
  if (!actor) return false;
  if (hasRole(actor)) return true;
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
