import type { Context } from '../context.ts';
import { BadUserInputError } from '../errors.ts';

/**
 * The read models that a subscription names, without duplicates; all if it names none.
 * @throws {BadUserInputError} if there is no such read model.
 */
export function namesOf(wanted: readonly string[] | null | undefined, { engine }: Context): string[] {
  const all = engine.readSide.positions;
  const unknown = wanted?.find((name) => !all.has(name));
  if (unknown !== undefined) {
    throw new BadUserInputError(
      `There is no read model ${JSON.stringify(unknown)}; there are ${all.names.join(', ')}.`,
    );
  }
  return wanted ? [...new Set(wanted)] : all.names;
}

/**
 * The read models of which the caller may see anything. @throws UnauthenticatedError, ForbiddenError if the caller
 * names one of which they may see nothing.
 */
export function readable(names: readonly string[], named: boolean, { engine, rows }: Context): string[] {
  return names.filter((name) => {
    const projection = engine.registry.projections.get(name);
    try {
      if (projection) rows.visibility(projection);
      return true;
    } catch (error) {
      if (named) throw error;
      return false;
    }
  });
}
