import type { PgTable } from 'drizzle-orm/pg-core';
import type { GraphQLResolveInfo } from 'graphql';
import { DefinitionError } from '../../kernel/define/definition-error.ts';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { Builder } from '../builder.ts';
import { positionOf } from '../consistency/wait.ts';
import type { Context } from '../context.ts';
import { type FinalError, fresh, unwrap } from '../live/fresh.ts';
import { type LiveRow, liveRow } from '../live/rows/live-row.ts';
import { ROW_MESSAGES } from '../live/rows/row-plan.ts';
import { keyOfOwnId } from './own-id.ts';
import type { ReadModelType } from './read-model-type.ts';

/** The argument by which one row is asked for. */
export interface KeyArgument {
  readonly name: string;
  readonly description: string;
}

/** The argument of rows that are asked for by an id of their own. */
export const ID: KeyArgument = { name: 'id', description: 'Its id, a UUID.' };

/** A field that resolves one row of a read model, found by its key. */
export interface RowField<Table extends PgTable> {
  readonly name: string;
  readonly model: ReadModelType<Table>;
  readonly description: string;
  readonly key: KeyArgument;
}

/** Adds a query for the row with a key. */
export function addQueryByKey<Table extends PgTable>(builder: Builder, field: RowField<Table>): void {
  const { name, model, description, key } = field;
  refuseCompositeKey('queryByKey', name, model.projection);
  builder.queryField(name, (t) =>
    t.field({
      type: model.ref,
      nullable: true,
      description,
      args: { [key.name]: t.arg.id({ required: true, description: key.description }) },
      // Pothos cannot see through a generic row type, here and below.
      resolve: ((_: unknown, args: Record<string, string>, { rows }: Context, info: GraphQLResolveInfo) =>
        rows.byKey(model.projection as unknown as Projection, keyIn(model, args[key.name]), info)) as never,
    }),
  );
}

/** Adds a subscription to the row with a key. */
export function addSubscriptionToRow<Table extends PgTable>(builder: Builder, field: RowField<Table>): void {
  const { name, model, description, key } = field;
  refuseCompositeKey('subscriptionToRow', name, model.projection);
  builder.subscriptionField(name, (t) =>
    t.field({
      type: model.ref,
      description,
      extensions: { [ROW_MESSAGES]: true },
      args: {
        [key.name]: t.arg.id({ required: true, description: key.description }),
        after: t.arg({ type: 'ConsistencyToken', description: 'The first message is at least this fresh.' }),
      },
      subscribe: (async (_: unknown, args: Record<string, string | null | undefined>, context: Context) => {
        const { after } = args;
        const position = after == null ? undefined : await positionOf(context.engine, after);
        const id = keyIn(model, args[key.name]);
        return fresh(context, liveRow(model.projection as unknown as Projection, id, position, context));
      }) as never,
      resolve: ((message: LiveRow | FinalError, _: unknown, { consistency }: Context) => {
        const { row } = unwrap(message);
        if (row.staleSince !== null) consistency.markStale();
        return row;
      }) as never,
    }),
  );
}

/** The key that a required argument names. */
function keyIn<Table extends PgTable>({ ref, hasOwnId }: ReadModelType<Table>, id: string | null | undefined): string {
  return hasOwnId ? keyOfOwnId(ref.name, String(id)) : String(id);
}

/** A row is asked for by one argument. @throws {DefinitionError} KEY_UNSUPPORTED if the key has several columns. */
export function refuseCompositeKey(
  shape: string,
  field: string,
  { name, key }: Pick<Projection, 'name' | 'key'>,
): void {
  if (key.length === 1) return;
  const columns = key.map(({ property }) => property);
  throw new DefinitionError(
    'KEY_UNSUPPORTED',
    { field, projection: name, columns },
    `${shape} ${field}: the key of projection ${name} has the columns ${columns.join(' and ')}, and ${shape} takes one id. ` +
      'Write a query with an argument for each column, over rows.page(…), or give the table a key of one column.',
  );
}
