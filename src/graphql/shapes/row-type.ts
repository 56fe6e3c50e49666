import type { FieldMap, ImplementableObjectRef, InterfaceParam, ObjectFieldBuilder } from '@pothos/core';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { RowValues } from '../../kernel/read/fold/working-rows.ts';
import type { ReadModelExtensions } from '../consistency/touched.ts';
import type { SizeExtensions } from '../limits/sizes.ts';
import type { ColumnExtensions, RowExtensions } from '../read/selected-columns.ts';
import { ownId } from './own-id.ts';
import type { Types } from './read-model-type.ts';

/** Implements an object type whose values are rows of a read model, or versions of them. */
export function addRowType<Row extends RowValues>(
  ref: ImplementableObjectRef<Types, Row, Row>,
  options: {
    readonly description: string;
    readonly fields: (t: ObjectFieldBuilder<Types, Row>) => FieldMap;
    readonly projection: Pick<Projection, 'name' | 'key'>;
    readonly extensions: ReadModelExtensions;
    readonly bytes: number | undefined;
    readonly interfaces?: readonly InterfaceParam<Types>[];
    /** Whether the rows have the key of something else, so that the type needs ids of its own. */
    readonly hasOwnId?: boolean;
  },
): void {
  const { description, projection, extensions, bytes, interfaces = [], hasOwnId = false } = options;
  ref.implement({
    description,
    interfaces: [...interfaces] as never,
    fields: (t) => ({
      ...(hasOwnId && { id: ownId(t as never, ref.name, projection) }),
      stale: t.boolean({
        description: 'True if its newest events could not be applied: an operator has to act.',
        extensions: { columns: ['staleSince'] } satisfies ColumnExtensions,
        resolve: (({ staleSince }: Row) => staleSince !== null) as never,
      }),
      ...options.fields(t),
    }),
    extensions: {
      ...extensions,
      ...({ rowsOf: projection.name } satisfies RowExtensions),
      ...(bytes ? ({ bytes } satisfies SizeExtensions) : {}),
    },
  });
}
