import type { PoolRole } from '../client.ts';

/** What an administrator may create for an application whose user may not create roles. They belong to the whole cluster. */
export const SHARED_ROLES: Readonly<Record<PoolRole, string>> = {
  writer: 'afterwrite_writer',
  projector: 'afterwrite_projector',
  reader: 'afterwrite_reader',
};

/**
 * The role that a part of one database logs in as. Roles belong to the whole cluster, and two databases in it may have other
 * passwords and must not get at each other's rows: so each has its own, by the number of the database, which it keeps when it is renamed.
 */
export function loginNameOf(part: PoolRole | 'owner', databaseOid: number): string {
  return `afterwrite_${part}_${databaseOid}`;
}

/** A role of another database: a copy of it brings its rights along. */
export function isFormerRole(name: string): boolean {
  return /^afterwrite_(writer|projector|reader|owner)_\d+$/.test(name);
}
