import type { Actor } from '../../../kernel/define/access/actor.ts';
import type { Projection } from '../../../kernel/define/read-model/projection.ts';
import { nameOfVisibility, visibilityFor } from '../../read/visibility.ts';

/** A text that is equal for actors who see the same rows of these read models. */
export function rightsOf(
  actor: Actor | null,
  touched: readonly string[],
  projections: ReadonlyMap<string, Projection>,
): string {
  return JSON.stringify(
    touched.map((name) => {
      const projection = projections.get(name);
      if (!projection) return null;
      try {
        return nameOfVisibility(visibilityFor(projection, actor));
      } catch (error) {
        // They may see nothing of it, and get this error.
        return String(error);
      }
    }),
  );
}

/** A text that is equal for the same actor of the same tenant with the same roles and claims. */
export function identityOf(actor: Actor | null): string {
  return JSON.stringify(actor && [actor.id, actor.roles, actor.claims, actor.power, actor.tenant]);
}
