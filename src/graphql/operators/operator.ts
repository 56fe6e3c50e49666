import { type Actor, hasPower } from '../../kernel/define/access/actor.ts';
import type { Power } from '../../kernel/define/access/roles.ts';
import { ForbiddenError, UnauthenticatedError } from '../../kernel/errors.ts';
import type { Context } from '../context.ts';

/**
 * Who asks, if they are an operator with this power.
 * @param what as in "You may not look at dead letters."
 * @throws {UnauthenticatedError} {@link ForbiddenError}
 */
export function operatorOf({ actor }: Pick<Context, 'actor'>, power: Power, what: string): Actor {
  if (!actor) throw new UnauthenticatedError(`Sign in to ${what}.`);
  if (!hasPower(actor, power)) throw new ForbiddenError(`You may not ${what}.`);
  return actor;
}

/** The value, if an operator with this power asks; else null. */
export function forOperator<T>({ actor }: Pick<Context, 'actor'>, power: Power, value: T): T | null {
  return actor && hasPower(actor, power) ? value : null;
}
