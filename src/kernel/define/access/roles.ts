import { DefinitionError } from '../definition-error.ts';

/**
 * Types that an application tells the product, so that the rules of its domains are checked by the compiler:
 *
 * ```ts
 * declare module 'afterwrite' {
 *   interface AppTypes { readonly role: keyof typeof roles; readonly claims: z.output<typeof claims> }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: applications merge their declarations into it.
export interface AppTypes {}

/**
 * Name of a role: one that the application declares, or `system`, which is the application itself. Any text if the
 * application does not declare {@link AppTypes}.
 */
export type Role =
  | typeof SYSTEM_ROLE
  | (AppTypes extends { readonly role: infer Declared extends string } ? Declared : string);

/**
 * Claims of an actor: those that the application declares in `defineApp`. Any of them may be missing, because the
 * application itself and actors made by code have none. If the application does not declare {@link AppTypes}, any
 * claims of unknown types.
 */
export type Claims = AppTypes extends { readonly claims: infer Declared extends object }
  ? Readonly<Partial<Declared>>
  : Readonly<Record<string, unknown>>;

/** The application itself: its processes, effects and imports. Every application has it, and no credential gives it. */
export const SYSTEM_ROLE = 'system';

/** From the smallest to the greatest. Each includes those before it. */
export const POWERS = ['observe', 'operate', 'everything'] as const;

/**
 * Rights of a role beyond the rules of the domains.
 *
 * - `observe`: see the status of processes, and why something is stalled.
 * - `operate`: see failures and statements in full, which may contain what people have written; retry and discard dead
 *   letters.
 * - `everything`: issue every command and see every row.
 */
export type Power = (typeof POWERS)[number];

/** A role that the application declares. */
export interface RoleDefinition {
  /** Who has the role, as a sentence. */
  readonly description: string;
  /** Rights beyond the rules of the domains; none by default. */
  readonly power?: Power;
}

/** All roles that credentials can give, by their names. */
export type Roles = Readonly<Record<string, RoleDefinition>>;

/**
 * Declares the roles of an application; tell their names to the compiler too (see {@link AppTypes}).
 * @throws {DefinitionError} NAME_RESERVED if one has the name `system`.
 */
export function defineRoles<const Declared extends Roles>(roles: Declared): Declared {
  if (SYSTEM_ROLE in roles) {
    throw new DefinitionError(
      'NAME_RESERVED',
      { role: SYSTEM_ROLE },
      `The role ${SYSTEM_ROLE} cannot be declared: it is the application itself, and no credential gives it. Choose another name.`,
    );
  }
  return roles;
}
