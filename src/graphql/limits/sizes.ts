import {
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isUnionType,
} from 'graphql';

/** Size of a field or an object type for the cost of an operation; in its extensions. */
export interface SizeExtensions {
  /** Usual number of elements of a list field without `first` or `last`. */
  readonly listSize?: number;
  /** Expected bytes of a row or a value, if it may be large. */
  readonly bytes?: number;
  /** Points for each time that the field is resolved, if this is much work. */
  readonly points?: number;
}

/** Assumed number of elements of a list that declares no size. */
export const DEFAULT_LIST_SIZE = 10;
/** Bytes that cost one point. */
export const BYTES_PER_POINT = 1000;

/** Points for the size of a row or a value of this type or field, and for the work to resolve it. */
export function pointsOf({ bytes = 0, points = 0 }: SizeExtensions): number {
  return Math.floor(bytes / BYTES_PER_POINT) + points;
}

/** Elements that the lists of introspection have on average in a schema, by type and field. */
export function introspectionSizes(schema: GraphQLSchema): ReadonlyMap<string, number> {
  const types = Object.values(schema.getTypeMap());
  const fields = types.flatMap((type) => fieldsOf(type));
  const perType = (count: (type: GraphQLNamedType) => number) =>
    types.reduce((sum, type) => sum + count(type), 0) / types.length;
  const withFields = types.filter((type) => fieldsOf(type).length > 0);
  const argumentCount = fields.reduce((sum, { args }) => sum + args.length, 0);
  return new Map([
    ['__Schema.types', types.length],
    ['__Schema.directives', schema.getDirectives().length],
    // Counts only types that have fields: most fields lead to such types.
    ['__Type.fields', fields.length / withFields.length],
    ['__Type.inputFields', perType((type) => (isInputObjectType(type) ? Object.keys(type.getFields()).length : 0))],
    ['__Type.enumValues', perType((type) => (isEnumType(type) ? type.getValues().length : 0))],
    [
      '__Type.interfaces',
      perType((type) => (isObjectType(type) || isInterfaceType(type) ? type.getInterfaces().length : 0)),
    ],
    [
      '__Type.possibleTypes',
      perType((type) => (isInterfaceType(type) || isUnionType(type) ? schema.getPossibleTypes(type).length : 0)),
    ],
    // Most types are wrapped once or not at all.
    ['__Type.ofType', 0.5],
    ['__Field.args', argumentCount / Math.max(1, fields.length)],
    ['__Directive.args', 2],
    ['__Directive.locations', 2],
  ]);
}

function fieldsOf(type: GraphQLNamedType) {
  return isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : [];
}
