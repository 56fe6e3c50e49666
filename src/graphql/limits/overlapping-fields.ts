import {
  type ASTVisitor,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLOutputType,
  getNamedType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  print,
  type SelectionSetNode,
  type ValidationContext,
  type ValueNode,
} from 'graphql';

/** A field of a selection, with the type on which it is selected. */
interface Selected {
  readonly node: FieldNode;
  readonly parent: GraphQLNamedType | undefined;
  readonly field: GraphQLField<unknown, unknown> | undefined;
}

interface Selections {
  readonly set: SelectionSetNode;
  readonly type: GraphQLNamedType | undefined;
}

/** Selections that one document may make this rule visit; documents within the limits of an operation make it visit far fewer. */
const MAX_VISITS = 100_000;

/**
 * The rule that fields with the same response name can be merged, in time linear in the selections after fragments are
 * expanded. The rule of graphql-js compares each pair of fields, and blocks for a second on a document of 8 kB. No
 * fragment of the document may contain itself, which {@link OperationMeter} checks before.
 *
 * There are two walks, because the specification has two conditions. Fields of one name must have results of the same
 * shape, whatever they are selected on. Those that may be selected on the same object must be the same field with the
 * same arguments. Both conditions are equivalences, so it is enough to compare with the first field of a group.
 *
 * @see Simon Adameit, "GraphQL Overlapping Fields Can Be Merged Fast" (XING, 2019), also in Sangria and GraphQL Java.
 */
export function overlappingFieldsRule(context: ValidationContext): ASTVisitor {
  return {
    Document: ({ definitions }) => {
      const overlaps = new Overlaps(context);
      for (const definition of definitions) {
        if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
        const type = context.getSchema().getRootType(definition.operation) ?? undefined;
        overlaps.check({ set: definition.selectionSet, type });
      }
      for (const definition of definitions) {
        if (definition.kind === Kind.FRAGMENT_DEFINITION) overlaps.checkUnused(definition);
      }
      // Everything below was checked with it.
      return false;
    },
  };
}

class Overlaps {
  readonly #context: ValidationContext;
  readonly #used = new Set<FragmentDefinitionNode>();
  readonly #arguments = new Map<FieldNode, string>();
  readonly #reported = new Set<FieldNode>();
  #visits = 0;

  constructor(context: ValidationContext) {
    this.#context = context;
  }

  check(selections: Selections): void {
    this.#sameField([selections]);
    this.#sameShape([selections]);
  }

  /** Fragments that operations use are checked as part of these operations. */
  checkUnused(fragment: FragmentDefinitionNode): void {
    if (this.#used.has(fragment)) return;
    this.#used.add(fragment);
    this.check({ set: fragment.selectionSet, type: this.#typeOf(fragment.typeCondition.name.value) });
  }

  #sameShape(selections: readonly Selections[]): void {
    for (const [name, group] of this.#fieldsOf(selections)) {
      // Another rule refuses a field that does not exist: here it counts as having any shape.
      const first = group.find(({ field }) => field !== undefined);
      for (const other of group) {
        if (!first || haveSameShape(first.field?.type, other.field?.type)) continue;
        const types = `"${first.field?.type}" and "${other.field?.type}"`;
        this.#report(name, `they return conflicting types ${types}`, first, other);
        break;
      }
      this.#below(group, (below) => this.#sameShape(below));
    }
  }

  #sameField(selections: readonly Selections[]): void {
    for (const [name, group] of this.#fieldsOf(selections)) {
      for (const [first, ...others] of onOneObject(group)) {
        for (const other of others) {
          const reason = this.#difference(first, other);
          if (reason === undefined) continue;
          this.#report(name, reason, first, other);
          break;
        }
        this.#below([first, ...others], (below) => this.#sameField(below));
      }
    }
  }

  #difference(a: Selected, b: Selected): string | undefined {
    const [first, second] = [a.node.name.value, b.node.name.value];
    if (first !== second) return `"${first}" and "${second}" are different fields`;
    return this.#argumentsOf(a.node) === this.#argumentsOf(b.node) ? undefined : 'they have differing arguments';
  }

  #argumentsOf(node: FieldNode): string {
    if (!node.arguments?.length) return '';
    const known = this.#arguments.get(node);
    if (known !== undefined) return known;
    const text = node.arguments
      .map(({ name, value }) => `${name.value}:${textOf(value)}`)
      .sort()
      .join();
    this.#arguments.set(node, text);
    return text;
  }

  #below(group: readonly Selected[], check: (selections: readonly Selections[]) => void): void {
    const below = group.flatMap(({ node, field }) =>
      node.selectionSet ? [{ set: node.selectionSet, type: field && getNamedType(field.type) }] : [],
    );
    if (below.length > 0) check(below);
  }

  /** Fields by the name that they have in the answer, fragments expanded. */
  #fieldsOf(selections: readonly Selections[]): Map<string, Selected[]> {
    const fields = new Map<string, Selected[]>();
    const visited = new Set<string>();
    const visit = ({ set, type }: Selections) => {
      for (const selection of set.selections) {
        if (++this.#visits > MAX_VISITS) throw new GraphQLError('The document is too complex to be validated.');
        if (selection.kind === Kind.FIELD) {
          const name = (selection.alias ?? selection.name).value;
          const known = fields.get(name);
          const field =
            isObjectType(type) || isInterfaceType(type) ? type.getFields()[selection.name.value] : undefined;
          const selected = { node: selection, parent: type, field };
          if (known) known.push(selected);
          else fields.set(name, [selected]);
        } else if (selection.kind === Kind.INLINE_FRAGMENT) {
          const on = selection.typeCondition ? this.#typeOf(selection.typeCondition.name.value) : type;
          visit({ set: selection.selectionSet, type: on });
        } else if (!visited.has(selection.name.value)) {
          visited.add(selection.name.value);
          const fragment = this.#context.getFragment(selection.name.value);
          if (!fragment) continue;
          this.#used.add(fragment);
          visit({ set: fragment.selectionSet, type: this.#typeOf(fragment.typeCondition.name.value) });
        }
      }
    };
    for (const some of selections) visit(some);
    return fields;
  }

  #typeOf(name: string): GraphQLNamedType | undefined {
    return this.#context.getSchema().getType(name);
  }

  #report(name: string, reason: string, { node: first }: Selected, { node: second }: Selected): void {
    if (this.#reported.has(second)) return;
    this.#reported.add(second);
    this.#context.reportError(
      new GraphQLError(
        `Fields "${name}" conflict because ${reason}. Use different aliases on the fields to fetch both if this was intentional.`,
        { nodes: [first, second] },
      ),
    );
  }
}

/**
 * Groups of fields that may be selected on the same object: the fields on each object type together with those on all
 * abstract types.
 */
function onOneObject(group: readonly Selected[]): Iterable<[Selected, ...Selected[]]> {
  if (group.length === 1) return [group as [Selected]];
  const abstract = group.filter(({ parent }) => !isObjectType(parent));
  const byType = new Map<GraphQLNamedType, Selected[]>();
  for (const selected of group) {
    const { parent } = selected;
    if (!isObjectType(parent)) continue;
    const known = byType.get(parent);
    if (known) known.push(selected);
    else byType.set(parent, [...abstract, selected]);
  }
  return (byType.size > 0 ? byType.values() : [abstract]) as Iterable<[Selected, ...Selected[]]>;
}

/** A value as text; independent of the order of an object's fields. */
function textOf(value: ValueNode): string {
  if (value.kind === Kind.LIST) return `[${value.values.map(textOf).join()}]`;
  if (value.kind !== Kind.OBJECT) return print(value);
  const fields = value.fields.map((field) => `${field.name.value}:${textOf(field.value)}`);
  return `{${fields.sort().join()}}`;
}

function haveSameShape(a: GraphQLOutputType | undefined, b: GraphQLOutputType | undefined): boolean {
  if (!a || !b) return true;
  if (isNonNullType(a) || isNonNullType(b)) {
    return isNonNullType(a) && isNonNullType(b) && haveSameShape(a.ofType, b.ofType);
  }
  if (isListType(a) || isListType(b)) return isListType(a) && isListType(b) && haveSameShape(a.ofType, b.ofType);
  return isLeafType(a) || isLeafType(b) ? a === b : true;
}
