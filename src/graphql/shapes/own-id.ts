import type { FieldRef, ObjectFieldBuilder } from '@pothos/core';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { RowValues } from '../../kernel/read/fold/working-rows.ts';
import type { ColumnExtensions } from '../read/selected-columns.ts';
import type { Types } from './read-model-type.ts';

/**
 * The field `id` of a type whose rows have the key of something else, as the card of an article has: its name and the
 * key, such as `ArticleCard:0190…`. Caches that know things by their id alone would take the card for the article.
 */
export function ownId(
  t: ObjectFieldBuilder<Types, RowValues>,
  type: string,
  { key }: Pick<Projection, 'key'>,
): FieldRef<Types, string | number> {
  const properties = key.map(({ property }) => property);
  return t.id({
    description: 'Its own id, which is stable and unique across all types.',
    extensions: { columns: properties } satisfies ColumnExtensions,
    resolve: (row) => [type, ...properties.map((property) => row[property])].join(':'),
  });
}

/** The key that a client names: by itself, or by an own id of this type. */
export function keyOfOwnId(type: string, id: string): string {
  const prefix = `${type}:`;
  return id.startsWith(prefix) ? id.slice(prefix.length) : id;
}
