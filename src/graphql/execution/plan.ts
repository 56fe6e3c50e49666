import {
  type FieldNode,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  isIntrospectionType,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
} from 'graphql';
import { FIELD_BYTES } from '../answer/budget.ts';
import { chargeOf } from './charge.ts';
import { completionOf } from './complete.ts';
import { quickValueOf } from './quick-value.ts';
import { collectFields, type Fields } from './selection.ts';
import type { Execution, FieldPlan, QuickValue, SelectionPlan } from './types.ts';

/** Bytes of a selection without its fields: an empty one takes room too. */
const SELECTION_BYTES = 200;
/** Bytes of the plan of a field without its nodes. */
const PLAN_BYTES = 1000;
/** Bytes of a node's place in a plan. */
const NODE_BYTES = 8;

/** Told how many bytes a selection's plan takes (approximate). It is kept with the plan: it must not hold a run. */
export type OnPlanned = (bytes: number) => void;

/** Plans a selection. What is selected within its fields is planned when the first object needs it. */
export function planSelection(run: Execution, parent: GraphQLObjectType, fields: Fields, onPlanned: OnPlanned) {
  const plans: FieldPlan[] = [];
  for (const [key, nodes] of fields) {
    const field = fieldOf(run.schema, parent, (nodes[0] as FieldNode).name.value);
    if (field) plans.push(planField(key, field, parent, nodes, onPlanned));
  }
  onPlanned(plans.reduce((bytes, { nodes }) => bytes + PLAN_BYTES + NODE_BYTES * nodes.length, SELECTION_BYTES));
  return plans;
}

function planField(
  key: string,
  field: GraphQLField<unknown, unknown>,
  parent: GraphQLObjectType,
  nodes: readonly FieldNode[],
  onPlanned: OnPlanned,
): FieldPlan {
  const isFree = isIntrospectionType(parent) || META_FIELDS.includes(field);
  const bytes = isFree ? 0 : FIELD_BYTES + key.length;
  const property = propertyOf(field);
  const selections = new Map<GraphQLObjectType, SelectionPlan>();
  return {
    ...{ key, field, parent, nodes },
    property,
    quick: quickWayTo(field, parent, property, bytes),
    bytes,
    charge: isFree ? undefined : chargeOf(field.type),
    complete: completionOf(field.type),
    selectionFor: (type, run) => {
      let selection = selections.get(type);
      if (!selection) {
        const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
        selection = planSelection(run, type, collectFields(run, type, sets), onPlanned);
        selections.set(type, selection);
      }
      return selection;
    },
  };
}

function quickWayTo(
  field: GraphQLField<unknown, unknown>,
  { name }: GraphQLObjectType,
  property: string | undefined,
  bytes: number,
): QuickValue | undefined {
  if (field === TypeNameMetaFieldDef) return () => name;
  return property === undefined ? undefined : quickValueOf(field.type, property, bytes);
}

const META_FIELDS: readonly GraphQLField<unknown, unknown>[] = [
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
];

function fieldOf(schema: GraphQLSchema, parent: GraphQLObjectType, name: string) {
  if (name === TypeNameMetaFieldDef.name) return TypeNameMetaFieldDef;
  if (parent === schema.getQueryType()) {
    if (name === SchemaMetaFieldDef.name) return SchemaMetaFieldDef;
    if (name === TypeMetaFieldDef.name) return TypeMetaFieldDef;
  }
  return parent.getFields()[name];
}

/** Pothos notes the property of a field that exposes one. */
function propertyOf({ extensions }: GraphQLField<unknown, unknown>): string | undefined {
  return (extensions as { readonly pothosExposedField?: string }).pothosExposedField;
}
