import {
  type FieldNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLResolveInfo,
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from 'graphql';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import { isLongColumn, storedColumns } from '../../kernel/define/read-model/read-table.ts';

/** Extensions of an object type: the read model whose rows its fields are resolved from. */
export type RowExtensions = { readonly rowsOf?: string };

/** Extensions of a field: the properties of the row that its resolver reads. */
export type ColumnExtensions = { readonly columns?: readonly string[] };

type SelectionInfo = Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments' | 'returnType' | 'schema'>;

/** Columns of a read model that are read from Postgres. */
export interface SelectedColumns {
  /** Equal for equal columns. */
  readonly name: string;
  readonly columns: ReturnType<typeof storedColumns>;
  /** The prototype of rows without some columns: a resolver that reads one of these throws. Undefined for all columns. */
  readonly prototype: object | undefined;
}

/**
 * Maximum number of selections, because each selection of columns is a separate statement. Further ones read all
 * columns.
 */
const MAX_SELECTIONS = 64;

const selections = new WeakMap<Projection, Map<string, SelectedColumns>>();
const byNode = new WeakMap<FieldNode, Map<string, SelectedColumns>>();

/**
 * The columns that a field's selection needs. Long columns (texts, JSON, arrays) are left out if no selected field
 * reads them, so that Postgres need not find and send them. A field that does not declare what it reads may read every
 * column.
 *
 * @param info the field's info; undefined for all columns.
 * @param always properties that are read in any case.
 */
export function selectedColumns(
  projection: Projection,
  info: SelectionInfo | undefined,
  always: readonly string[],
): SelectedColumns {
  const [node, ...others] = info?.fieldNodes ?? [];
  if (!info || !node || others.length > 0) return selectionFor(projection, info, always);
  const known = byNode.get(node) ?? new Map<string, SelectedColumns>();
  byNode.set(node, known);
  const key = [projection.name, ...always].join();
  const selected = known.get(key) ?? selectionFor(projection, info, always);
  known.set(key, selected);
  return selected;
}

function selectionFor(
  projection: Projection,
  info: SelectionInfo | undefined,
  always: readonly string[],
): SelectedColumns {
  const needed = info && neededBy(info, projection.name);
  return selectionOf(projection, needed && new Set([...needed, ...always]));
}

function selectionOf(projection: Projection, needed: ReadonlySet<string> | undefined): SelectedColumns {
  const all = storedColumns(projection.table);
  const left = needed
    ? Object.keys(all).filter((property) => !needed.has(property) && isLongColumn(all[property] as never))
    : [];
  const known = selections.get(projection) ?? new Map<string, SelectedColumns>();
  selections.set(projection, known);
  const name = left.join();
  let selection = known.get(name);
  if (!selection) {
    if (known.size >= MAX_SELECTIONS) return selectionOf(projection, undefined);
    selection = without(projection, all, left);
    known.set(name, selection);
  }
  return selection;
}

function without(projection: Projection, all: SelectedColumns['columns'], left: readonly string[]): SelectedColumns {
  if (left.length === 0) return { name: '', columns: all, prototype: undefined };
  const prototype = Object.defineProperties(
    {},
    Object.fromEntries(
      left.map((property) => [
        property,
        {
          get: () => {
            throw new Error(
              `A resolver reads column ${property} of ${projection.name}, which its field does not name: add it to the field's \`api.columns(…)\`.`,
            );
          },
        },
      ]),
    ),
  );
  return {
    name: `without ${left.join()}`,
    columns: Object.fromEntries(Object.entries(all).filter(([property]) => !left.includes(property))),
    prototype,
  };
}

/**
 * The properties of a read model's rows that a selection reads; undefined if one of its fields does not declare what it
 * reads.
 */
function neededBy(
  { fieldNodes, fragments, returnType, schema }: SelectionInfo,
  readModel: string,
): ReadonlySet<string> | undefined {
  const needed = new Set<string>();
  const visited = new Set<string>();
  let isKnown = true;
  const visitSet = (set: SelectionSetNode, parent: GraphQLCompositeType) => {
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) visitField(selection, parent);
      else if (selection.kind === Kind.INLINE_FRAGMENT) {
        visitSet(selection.selectionSet, typeNamed(selection.typeCondition?.name.value) ?? parent);
      } else {
        const fragment = fragments[selection.name.value];
        if (!fragment || visited.has(selection.name.value)) continue;
        visited.add(selection.name.value);
        visitSet(fragment.selectionSet, typeNamed(fragment.typeCondition.name.value) ?? parent);
      }
    }
  };
  const typeNamed = (name: string | undefined) => {
    const type = name === undefined ? undefined : schema.getType(name);
    return isCompositeType(type) ? type : undefined;
  };
  const visitField = ({ name, selectionSet }: FieldNode, parent: GraphQLCompositeType) => {
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name.value] : undefined;
    if (!field) return;
    if ((parent.extensions as RowExtensions).rowsOf === readModel) {
      const columns = columnsOf(field);
      if (!columns) isKnown = false;
      for (const property of columns ?? []) needed.add(property);
    }
    const type = getNamedType(field.type);
    if (selectionSet && isCompositeType(type)) visitSet(selectionSet, type);
  };
  const type = getNamedType(returnType);
  for (const { selectionSet } of fieldNodes) if (selectionSet && isCompositeType(type)) visitSet(selectionSet, type);
  return isKnown ? needed : undefined;
}

/** The properties that a field reads: those that it names, or the one that it exposes. */
function columnsOf({ extensions }: GraphQLField<unknown, unknown>): readonly string[] | undefined {
  const { columns, pothosExposedField } = extensions as ColumnExtensions & { readonly pothosExposedField?: string };
  return columns ?? (pothosExposedField === undefined ? undefined : [pothosExposedField]);
}
