import { DefinitionError } from '../kernel/define/definition-error.ts';
import type { Domain } from '../kernel/define/domain.ts';

/** A mistake for each rule that names a role which the application does not declare. */
export function undeclaredRoles(declared: readonly string[], domains: readonly Domain[]): DefinitionError[] {
  const rules = domains.flatMap(({ aggregates, commands, projections }) => [
    ...aggregates.map(({ name, visibleTo }) => [`Aggregate ${name} is visible to`, rolesIn(visibleTo)] as const),
    ...commands.map(({ name, allow }) => [`Command ${name} allows`, rolesIn(allow)] as const),
    ...projections.map(({ name, visibleTo }) => [`Projection ${name} is visible to`, rolesIn(visibleTo)] as const),
  ]);
  return rules.flatMap(([rule, names]) =>
    names
      .filter((role) => !declared.includes(role))
      .map((role) => {
        const sentence =
          `${rule} ${JSON.stringify(role)}, which is no role of the application; declared are ${declared.join(', ')}. ` +
          'Correct its name, or declare it with defineRoles.';
        return new DefinitionError('UNDECLARED_ROLE', { role, declared }, sentence);
      }),
  );
}

/**
 * Roles that a rule names: the elements of a list, or the keys of an object. A rule that is a single word, such as
 * `everyone`, names none.
 */
function rolesIn(rule: unknown): readonly string[] {
  if (Array.isArray(rule)) return rule;
  return typeof rule === 'object' && rule !== null ? Object.keys(rule) : [];
}
