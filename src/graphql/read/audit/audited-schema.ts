import { defaultFieldResolver, type GraphQLField, type GraphQLSchema, isObjectType } from 'graphql';
import type { PersonalColumns, Projection } from '../../../kernel/define/read-model/projection.ts';
import type { RowValues } from '../../../kernel/read/fold/working-rows.ts';
import type { Context } from '../../context.ts';
import type { ColumnExtensions, RowExtensions } from '../selected-columns.ts';

/**
 * Has every field that shows personal data note who reads whose, whichever operation selects it. Changes the schema. Without
 * this, such fields are as any others, and cost nothing.
 * @param projections the read models, by name.
 */
export function auditReads(schema: GraphQLSchema, projections: ReadonlyMap<string, Projection>): void {
  for (const type of Object.values(schema.getTypeMap())) {
    const { rowsOf } = type.extensions as RowExtensions;
    const projection = rowsOf === undefined ? undefined : projections.get(rowsOf);
    if (!isObjectType(type) || !projection?.personal) continue;
    for (const field of Object.values(type.getFields())) {
      const columns = columnsOf(field);
      if (shows(columns, projection.personal)) wrap(field, columns, projection);
    }
  }
}

/** A field that does not say what it reads may read every column. */
function shows(columns: readonly string[] | undefined, { columns: personal }: PersonalColumns): boolean {
  return columns === undefined || columns.some((column) => personal.includes(column));
}

function columnsOf({ extensions }: GraphQLField<unknown, unknown>): readonly string[] | undefined {
  const { columns, pothosExposedField } = extensions as ColumnExtensions & { readonly pothosExposedField?: string };
  return columns ?? (pothosExposedField === undefined ? undefined : [pothosExposedField]);
}

function wrap(
  field: GraphQLField<unknown, unknown>,
  columns: readonly string[] | undefined,
  projection: Projection,
): void {
  const { resolve = defaultFieldResolver, name } = field;
  const { pothosExposedField: _, ...extensions } = field.extensions as Record<string, unknown>;
  // The executor shows a property without calling a resolver.
  field.extensions = columns ? { ...extensions, columns } : extensions;
  field.resolve = (row, args, context, info) => {
    const operation = context as Context;
    operation.readAudit?.note(operation, projection, row as RowValues, name);
    return resolve(row, args, context, info);
  };
}
