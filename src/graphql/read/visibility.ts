import { and, or, type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { type Actor, hasPower } from '../../kernel/define/access/actor.ts';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import { isUuid } from '../../kernel/define/uuid.ts';
import { ForbiddenError, UnauthenticatedError } from '../../kernel/errors.ts';
import type { RowValues } from '../../kernel/read/fold/working-rows.ts';

/** The rows of a read model that an actor may see: all, or those that match one of these sets of values. */
export type Visibility = 'all' | readonly Partial<RowValues>[];

/**
 * Applies the projection's `visibleTo` to an actor.
 * @throws {UnauthenticatedError} {@link ForbiddenError} if the actor may see nothing at all.
 */
export function visibilityFor(projection: Projection, actor: Actor | null): Visibility {
  const { visibleTo } = projection;
  if (visibleTo === 'everyone') return 'all';
  if (!actor) throw new UnauthenticatedError(`Sign in to read ${projection.name}.`);
  if (hasPower(actor, 'everything')) return 'all';
  if (visibleTo === 'operators') {
    if (hasPower(actor, 'observe')) return 'all';
    throw new ForbiddenError(`You may not read ${projection.name}.`);
  }
  const rules = actor.roles.flatMap((role) => visibleTo[role] ?? []);
  if (rules.length === 0) throw new ForbiddenError(`You may not read ${projection.name}.`);
  if (rules.includes('all')) return 'all';
  return rules
    .flatMap((rule) => (rule === 'all' ? [] : [rule(actor)]))
    .filter((values) => canExist(projection, values));
}

/** True if the actor may see rows of the read model: all, some, or those that fulfil a rule, of which there may be none. */
export function maySee(projection: Projection, actor: Actor | null): boolean {
  try {
    visibilityFor(projection, actor);
    return true;
  } catch (error) {
    if (error instanceof ForbiddenError || error instanceof UnauthenticatedError) return false;
    throw error;
  }
}

/** False for a value that no row can match: one that is missing, or an actor's id in a column of UUIDs that is none. */
function canExist(projection: Projection, values: Partial<RowValues>): boolean {
  const columns = projection.table as unknown as Record<string, PgColumn>;
  return Object.entries(values).every(
    ([property, value]) =>
      value !== undefined && value !== null && (columns[property]?.getSQLType() !== 'uuid' || isUuid(String(value))),
  );
}

/** True if the actor may see the row. */
export function isVisible(visibility: Visibility, row: RowValues): boolean {
  return (
    visibility === 'all' ||
    visibility.some((values) => Object.entries(values).every(([property, value]) => row[property] === value))
  );
}

/**
 * The same as a condition for queries; undefined if all rows may be seen.
 * @param readAs how the value of a column is read, if not from the column itself.
 */
export function visibleWhere(
  projection: Projection,
  visibility: Visibility,
  readAs: (column: PgColumn) => SQL | PgColumn = (column) => column,
): SQL | undefined {
  if (visibility === 'all') return undefined;
  const columns = projection.table as unknown as Record<string, PgColumn>;
  if (visibility.length === 0) return sql`false`;
  return or(
    ...visibility.map((values) =>
      and(
        ...Object.entries(values).map(([property, value]) => {
          const column = columns[property] as PgColumn;
          return sql`${readAs(column)} = ${sql.param(value, column)}`;
        }),
      ),
    ),
  );
}

/** A text that is equal for equal rights. */
export function nameOfVisibility(visibility: Visibility): string {
  if (visibility === 'all') return visibility;
  const rules = visibility.map((rule) =>
    Object.entries(rule)
      .map(([property, value]) => [property, typeof value, String(value)])
      .sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
  );
  return JSON.stringify(rules);
}
