import type { FieldMap, ObjectFieldBuilder, ObjectRef } from '@pothos/core';
import type { PgTable } from 'drizzle-orm/pg-core';
import { DefinitionError } from '../../kernel/define/definition-error.ts';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { StoredRow } from '../../kernel/define/read-model/read-table.ts';
import type { Builder } from '../builder.ts';
import type { ReadModelExtensions } from '../consistency/touched.ts';
import type { Context } from '../context.ts';
import type { Page } from '../read/pages/page-shape.ts';
import type { ColumnExtensions } from '../read/selected-columns.ts';
import { type MomentArguments, momentOf } from '../read/versions/moment.ts';
import type { VersionRow } from '../read/versions/version-row.ts';
import { addConnection, pageArguments } from './connection.ts';
import type { ReadModelType, Types, VersionType } from './read-model-type.ts';
import { refuseCompositeKey } from './row-fields.ts';
import { addRowType } from './row-type.ts';

type VersionFields = ObjectFieldBuilder<Types, VersionRow>;

/** How an author names the type of the versions of a read model's rows. */
export interface VersionOptions {
  /** The field that has the id of the row: `orderId`. A version has no `id`, because caches would take it for the row. */
  readonly id: string;
  readonly description: string;
}

/**
 * Adds the type of the versions of a read model's rows, and to the type of the rows the field `versions`.
 * @throws {DefinitionError} HISTORY_INCOMPLETE, KEY_UNSUPPORTED
 */
export function addVersions<Table extends PgTable>(
  builder: Builder,
  name: string,
  model: ReadModelType<Table>,
  options: VersionOptions & {
    readonly pageInfo: ObjectRef<Types, Page<unknown>['pageInfo']>;
    readonly extensions: ReadModelExtensions;
  },
): VersionType<Table> {
  const projection = model.projection as unknown as Projection;
  refuseWithoutHistory(name, projection);
  refuseCompositeKey('versions', name, projection);
  const { description, pageInfo, extensions } = options;
  const ref = builder.objectRef<VersionRow>(name);
  const fields = (t: VersionFields): FieldMap => {
    const { id: _, ...own } = model.fields(t as never);
    return { ...own, ...validity(t), [options.id]: idOf(t, projection) };
  };
  addRowType(ref, { description, fields, projection, extensions, bytes: model.bytes });
  const type = addConnection<VersionRow>(builder, name, {
    type: ref,
    pageInfo,
    plural: `versions of ${projection.name}`,
    extensions,
  });
  // What the row needs to be the newest version; the selected fields of the versions name what else they read.
  const needed = { columns: [projection.key[0]?.property ?? '', 'version'] } satisfies ColumnExtensions;
  builder.objectField(model.ref, 'versions', (t) =>
    t.field({
      type,
      description: 'Every former state and the present one, newest first.',
      extensions: { ...extensions, ...needed },
      args: pageArguments(t),
      resolve: ((row: StoredRow<Table>, args: object, { rows }: Context, info: never) =>
        rows.versions(projection, row, { args, info })) as never,
    }),
  );
  return { isOfVersions: true, projection, ref } as unknown as VersionType<Table>;
}

/**
 * Adds the query `name(id: ID!, at: DateTime, version: Int)`.
 * @throws {DefinitionError} HISTORY_INCOMPLETE if it is given the type of the rows.
 */
export function addQueryAsOf<Table extends PgTable>(
  builder: Builder,
  name: string,
  { isOfVersions, projection, ref }: VersionType<Table>,
  description: string,
): void {
  if (!isOfVersions) {
    const { name: rows } = ref;
    const sentence =
      `queryAsOf ${name} is given the type ${rows}: the caches of clients would take a former state for the present one. ` +
      `Give it a type of versions: const ${rows}Version = api.versions('${rows}Version', ${rows}, { id: '…', description: '…' }).`;
    throw new DefinitionError('HISTORY_INCOMPLETE', { query: name, projection: projection.name }, sentence);
  }
  builder.queryField(name, (t) =>
    t.field({
      type: ref,
      nullable: true,
      description,
      args: {
        id: t.arg.id({ required: true, description: 'Its id, a UUID.' }),
        at: t.arg({
          type: 'DateTime',
          description: 'At this time, including what happened at exactly this instant.',
        }),
        version: t.arg.int({ description: 'In this version, from 1.' }),
      },
      resolve: (async (_: unknown, { id, ...args }: { id: string } & MomentArguments, { rows }: Context) =>
        rows.asOf(projection as unknown as Projection, id, momentOf(args))) as never,
    }),
  );
}

function idOf(t: VersionFields, { key }: Projection) {
  const property = key[0]?.property ?? '';
  return t.id({
    description: 'The id of what this is a version of.',
    extensions: { columns: [property] } satisfies ColumnExtensions,
    resolve: (row) => String(row[property]),
  });
}

function validity(t: VersionFields) {
  return {
    validFrom: t.field({
      type: 'DateTime',
      description: 'The time from which it was so, inclusive.',
      extensions: { columns: ['validFrom'] } satisfies ColumnExtensions,
      resolve: ({ validFrom }) => validFrom,
    }),
    validUntil: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'The time until which it was so, exclusive; null if it still is.',
      extensions: { columns: [] } satisfies ColumnExtensions,
      resolve: ({ validUntil }) => validUntil ?? null,
    }),
  };
}

function refuseWithoutHistory(type: string, { name, history, table }: Projection): void {
  if (history && 'version' in table) return;
  throw new DefinitionError(
    'HISTORY_INCOMPLETE',
    { type, projection: name },
    `versions ${type}: the projection ${name} needs history: true and a column \`version\`.`,
  );
}
