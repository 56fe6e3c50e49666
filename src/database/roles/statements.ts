import type { PoolRole } from '../client.ts';
import type { CatalogObject } from './catalog.ts';
import { isFormerRole, SHARED_ROLES } from './names.ts';
import {
  DEFINER_FUNCTIONS,
  DEFINER_SEARCH_PATH,
  REVOKED_FROM_PUBLIC,
  type Rights,
  rightsOnFunction,
  rightsOnSchema,
  rightsOnTable,
} from './rights.ts';

/** The roles of the parts in this database. */
export interface Grantees {
  /** The roles of each part: the one that it logs in as or takes. */
  readonly parts: Readonly<Record<PoolRole, readonly string[]>>;
  /** The owner of everything; undefined leaves the owners as they are. */
  readonly owner: string | undefined;
  /** Whether the parts keep rights that `rights.ts` does not know. */
  readonly keepsUnknown?: boolean | undefined;
}

/**
 * The statements that bring the database to the state of `rights.ts`; none if it is already there. Rights that an
 * administrator has granted to other roles stay.
 */
export function statementsFor(objects: readonly CatalogObject[], grantees: Grantees): string[] {
  return objects
    .filter(({ isOurs }) => isOurs)
    .flatMap((object) => [...ownerOf(object, grantees), ...definerOf(object), ...grantsOn(object, grantees)]);
}

function ownerOf({ kind, identity, owner, schema, isPartOfTable }: CatalogObject, wanted: Grantees): string[] {
  const stays = kind === 'database' || kind === 'view' || schema === 'public' || isPartOfTable;
  if (wanted.owner === undefined || owner === wanted.owner || stays) return [];
  // An aggregate is a routine, not a function.
  return [`alter ${kind === 'function' ? 'routine' : kind} ${identity} owner to ${quoted(wanted.owner)}`];
}

function definerOf({ kind, schema, name, identity, isDefiner, settings }: CatalogObject): string[] {
  if (kind !== 'function' || !DEFINER_FUNCTIONS.includes(`${schema}.${name}`)) return [];
  if (isDefiner && settings.includes(`search_path=${DEFINER_SEARCH_PATH}`)) return [];
  return [`alter function ${identity} security definer set search_path = ${DEFINER_SEARCH_PATH}`];
}

function grantsOn(object: CatalogObject, { parts, keepsUnknown }: Grantees): string[] {
  const wanted = new Map<string, Set<string>>();
  const rights = rightsOn(object);
  for (const part of ['writer', 'projector', 'reader'] as const) {
    for (const role of [...parts[part], ...sharedRoleIn(object, part)]) {
      const all = wanted.get(role) ?? new Set();
      for (const right of rights[part] ?? []) all.add(right);
      wanted.set(role, all);
    }
  }
  const on = `${object.kind === 'view' ? 'table' : object.kind} ${object.identity}`;
  const statements: string[] = [];
  for (const { grantee, privilege } of object.grants) {
    const isTooMuch =
      grantee === 'public'
        ? revokedFromPublic(object).includes(privilege)
        : (wanted.has(grantee) && !wanted.get(grantee)?.has(privilege)) ||
          (!wanted.has(grantee) && isFormerRole(grantee) && grantee !== object.owner);
    const from = grantee === 'public' ? 'public' : quoted(grantee);
    if (isTooMuch && !keepsUnknown) statements.push(`revoke ${privilege} on ${on} from ${from}`);
  }
  for (const [role, privileges] of wanted) {
    if (role === object.owner) continue;
    const has = object.grants.filter(({ grantee }) => grantee === role).map(({ privilege }) => privilege);
    const lacks = [...privileges].filter((privilege) => !has.includes(privilege));
    if (lacks.length > 0) statements.push(`grant ${lacks.join(', ')} on ${on} to ${quoted(role)}`);
  }
  return statements;
}

function rightsOn({ kind, schema, name }: CatalogObject): Rights {
  switch (kind) {
    case 'database':
      return { writer: ['CONNECT'], projector: ['CONNECT'], reader: ['CONNECT'] };
    case 'schema':
      return rightsOnSchema(name) ?? {};
    case 'function':
      return rightsOnFunction(schema, name) ?? {};
    case 'view':
      return schema === 'read' ? { reader: ['SELECT'] } : {};
    default:
      return rightsOnTable(schema, name) ?? {};
  }
}

function revokedFromPublic({ kind }: CatalogObject): readonly string[] {
  if (kind === 'database' || kind === 'schema' || kind === 'function') return REVOKED_FROM_PUBLIC[kind];
  return [];
}

/** An older server, or one that cannot log in with its own role, takes the shared role if that has rights. */
function sharedRoleIn({ grants }: CatalogObject, part: PoolRole): string[] {
  const shared = SHARED_ROLES[part];
  return grants.some(({ grantee }) => grantee === shared) ? [shared] : [];
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
