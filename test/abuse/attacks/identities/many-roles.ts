import type { Attack } from '../../attack.ts';

const ROLES = 900;

export const manyRoles: Attack = {
  name: 'many-roles',
  description: `signs in with ${ROLES} roles, another set in each token`,
  run: (attacker) =>
    attacker.repeat(16, 10_000, async (nth) => {
      const roles = Array.from({ length: ROLES }, (_, n) => `${nth.toString(36)}-${n}`);
      const token = await attacker.token(`mallory-${nth}`, ['customer', ...roles]);
      await attacker.query('{ notes(first: 1) { edges { node { id } } } }', {}, token);
    }),
};
