import type { PoolRole } from '../client.ts';

/** A part of a server that logs in as itself. */
export type Part = PoolRole | 'owner';

/**
 * Roles that an administrator may create for an application whose user may not create roles. They belong to the whole
 * cluster.
 */
export const SHARED_ROLES: Readonly<Record<PoolRole, string>> = {
  writer: 'afterwrite_writer',
  projector: 'afterwrite_projector',
  reader: 'afterwrite_reader',
};

/**
 * The role with which a part of one database logs in. Roles belong to the whole cluster, and two databases in it may
 * have other passwords and must not reach each other's rows. So each database has its own roles, named by its number,
 * which does not change when it is renamed.
 */
export function loginNameOf(part: Part, databaseOid: number): string {
  return `afterwrite_${part}_${databaseOid}`;
}

/** True for a role of another database, whose rights came along with a copy. */
export function isFormerRole(name: string): boolean {
  return /^afterwrite_(writer|projector|reader|owner)_\d+$/.test(name);
}
