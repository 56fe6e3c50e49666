import { isUuid } from './uuid.ts';

/**
 * Who asks. `id` is the subject of the request's credentials (for a customer: her customer id), `roles` what she may be
 * in the eyes of {@link defineCommand}'s `allow` and {@link defineProjection}'s `visibleTo`.
 */
export interface Actor {
  readonly id: string;
  readonly roles: readonly Role[];
}

/** `admin` may do and see everything; `system` is the application itself (importers, process managers). */
export type Role = 'customer' | 'staff' | 'admin' | 'system';

/** The application acting on its own behalf. */
export const SYSTEM: Actor = { id: 'system', roles: ['system'] };

/** Who is behind a command in the log where nobody was signed in. */
export const NOBODY: Actor = { id: 'anonymous', roles: [] };

export function isNobody({ id, roles }: { readonly id: string; readonly roles: readonly string[] }): boolean {
  return id === NOBODY.id && roles.length === 0;
}

/** A subject as actors have it: UUIDs in lower case, so that rules may compare them as text; an identity provider may write others. */
export function subjectOf(text: string): string {
  return isUuid(text) ? text.toLowerCase() : text;
}

/** True where the actor has one of the roles; an admin has all of them. */
export function hasRole(actor: Actor, ...roles: readonly Role[]): boolean {
  return actor.roles.some((role) => role === 'admin' || roles.includes(role));
}
