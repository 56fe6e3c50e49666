import type { Domain } from '../kernel/define/domain.ts';

/** The first rule that names an undeclared role, as a sentence; undefined if there is none. */
export function undeclaredRole(declared: readonly string[], domains: readonly Domain[]): string | undefined {
  const rules = domains.flatMap(({ aggregates, commands, projections }) => [
    ...aggregates.map(({ name, visibleTo }) => [`Aggregate ${name} is visible to`, rolesIn(visibleTo)] as const),
    ...commands.map(({ name, allow }) => [`Command ${name} allows`, rolesIn(allow)] as const),
    ...projections.map(({ name, visibleTo }) => [`Projection ${name} is visible to`, rolesIn(visibleTo)] as const),
  ]);
  for (const [rule, names] of rules) {
    const unknown = names.find((name) => !declared.includes(name));
    if (unknown !== undefined) {
      return `${rule} ${JSON.stringify(unknown)}, which is no role of the application; declared are ${declared.join(', ')}.`;
    }
  }
  return undefined;
}

/** Roles that a rule names: the elements of a list, the keys of an object; a word for many names none. */
function rolesIn(rule: unknown): readonly string[] {
  if (Array.isArray(rule)) return rule;
  return typeof rule === 'object' && rule !== null ? Object.keys(rule) : [];
}
