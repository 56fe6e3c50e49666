import { type Actor, hasRole } from '../../kernel/define/actor.ts';
import { ForbiddenError, UnauthenticatedError } from '../../kernel/errors.ts';
import type { Context } from '../context.ts';

/**
 * The actor, who must be an admin.
 * @param what as in "You may not look at dead letters."
 * @throws {UnauthenticatedError} {@link ForbiddenError}
 */
export function adminOf({ actor }: Pick<Context, 'actor'>, what: string): Actor {
  if (!actor) throw new UnauthenticatedError(`Sign in to ${what}.`);
  if (!hasRole(actor)) throw new ForbiddenError(`You may not ${what}.`);
  return actor;
}
