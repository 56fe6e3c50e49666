import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLError,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isAbstractType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
  type TypeNode,
  type ValueNode,
} from 'graphql';
import { DEFAULT_PAGE } from '../read/pages/page-shape.ts';
import type { CostBreakdown } from './cost-breakdown.ts';
import { refusal } from './document.ts';
import { DEFAULT_LIST_SIZE, pointsOf, type SizeExtensions } from './sizes.ts';

/** How a variable affects the cost: as the length of a page, or by the number of elements of its lists. */
export interface VariableSizes {
  readonly page: (name: string) => number | undefined;
  readonly elements: (name: string) => number;
}

/** Counts for one operation. */
export interface Measure {
  depth: number;
  aliases: number;
  cost: number;
  /** Variables on which the cost depends. */
  readonly variables: Set<string>;
}

/** Ends a walk. */
export class OperationRefusedError extends Error {
  readonly error: GraphQLError;

  constructor(error: GraphQLError) {
    super(error.message);
    this.error = error;
  }
}

/** The place of a selection in an operation. */
interface SelectionPlace {
  readonly type: GraphQLNamedType | undefined;
  /** The page that the field around it asks for; its lists have this size. */
  readonly page: number | undefined;
  readonly depth: number;
  readonly introspects: boolean;
}

/** One walk over the selections of a document; the selections of all its operations are counted together. */
export class OperationWalk {
  readonly #schema: GraphQLSchema;
  readonly #sizes: VariableSizes;
  readonly #introspection: ReadonlyMap<string, number>;
  readonly #fragments = new Map<string, FragmentDefinitionNode>();
  readonly #within: string[] = [];
  readonly #used = new Set<string>();
  readonly #maxSelections: number;
  readonly #breakdown: CostBreakdown | undefined;
  #selections = 0;
  /** Variables of the operation that may be or hold lists. */
  #lists: ReadonlySet<string> = new Set();
  #measure: Measure = emptyMeasure();

  /** @param breakdown told what each field costs. */
  constructor(
    schema: GraphQLSchema,
    document: DocumentNode,
    sizes: VariableSizes,
    introspection: ReadonlyMap<string, number>,
    maxSelections: number,
    breakdown?: CostBreakdown,
  ) {
    this.#schema = schema;
    this.#sizes = sizes;
    this.#introspection = introspection;
    this.#maxSelections = maxSelections;
    this.#breakdown = breakdown;
    for (const definition of document.definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.#fragments.set(definition.name.value, definition);
    }
  }

  operation({ operation, selectionSet, variableDefinitions = [] }: OperationDefinitionNode): Measure {
    this.#measure = emptyMeasure();
    this.#lists = new Set(
      variableDefinitions.filter(({ type }) => this.#mayHoldLists(type)).map(({ variable }) => variable.name.value),
    );
    const type = this.#schema.getRootType(operation) ?? undefined;
    this.#measure.cost = this.#costOf(selectionSet, { type, page: undefined, depth: 0, introspects: false });
    return this.#measure;
  }

  /** Fragments that no operation uses are validated too: their selections count. */
  unusedFragments(): void {
    for (const name of this.#fragments.keys()) {
      if (!this.#used.has(name))
        this.#fragment(name, { type: undefined, page: undefined, depth: 0, introspects: false });
    }
  }

  #costOf({ selections }: SelectionSetNode, place: SelectionPlace): number {
    let cost = 0;
    for (const selection of selections) {
      if (++this.#selections > this.#maxSelections) {
        const message = `The document has more than ${this.#maxSelections} fields and fragments once its fragments are expanded.`;
        throw new OperationRefusedError(refusal(message));
      }
      if (selection.kind === Kind.FIELD) cost += this.#field(selection, place);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) cost += this.#fragment(selection.name.value, place);
      else {
        const on = selection.typeCondition;
        const type = on ? this.#schema.getType(on.name.value) : place.type;
        cost += pointsOfNarrowing(place.type, type);
        cost += this.#costOf(selection.selectionSet, type === place.type ? place : { ...place, type });
      }
    }
    return cost;
  }

  #fragment(name: string, place: SelectionPlace): number {
    const fragment = this.#fragments.get(name);
    if (!fragment) return 0;
    if (this.#within.includes(name)) {
      throw new OperationRefusedError(refusal(`Cannot spread fragment "${name.slice(0, 100)}" within itself.`));
    }
    this.#used.add(name);
    this.#within.push(name);
    const type = this.#schema.getType(fragment.typeCondition.name.value);
    const cost = this.#costOf(fragment.selectionSet, { ...place, type });
    this.#within.pop();
    return pointsOfNarrowing(place.type, type) + cost;
  }

  #field(node: FieldNode, { type, page, depth, introspects }: SelectionPlace): number {
    const measure = this.#measure;
    const below = introspects ? depth : depth + 1;
    measure.depth = Math.max(measure.depth, below);
    if (node.alias) measure.aliases++;
    const field = this.#definitionOf(node, type);
    const given = node.arguments?.length ? this.#elementsGiven(node) : 0;
    const extensions = (field?.extensions ?? {}) as SizeExtensions;
    const size = field ? this.#sizeOf(field, type, page, given) : 1;
    this.#breakdown?.enter(node.alias?.value ?? node.name.value);
    const inside = node.selectionSet
      ? 1 + this.#insideOf(node, node.selectionSet, field, { depth: below, introspects })
      : 0;
    const cost = given + size * (1 + pointsOf(extensions) + inside);
    this.#breakdown?.leave(cost, size);
    return cost;
  }

  /** The cost of one object with its selection. */
  #insideOf(
    node: FieldNode,
    selectionSet: SelectionSetNode,
    field: GraphQLField<unknown, unknown> | undefined,
    { depth, introspects }: Pick<SelectionPlace, 'depth' | 'introspects'>,
  ): number {
    const type = field && getNamedType(field.type);
    const row = type && !isLeafType(type) ? pointsOf(type.extensions as SizeExtensions) : 0;
    const inside = this.#costOf(selectionSet, {
      type,
      page: field?.args.some(({ name }) => name === 'first') ? this.#pageOf(node) : undefined,
      depth,
      introspects: introspects || field === SchemaMetaFieldDef || field === TypeMetaFieldDef,
    });
    return row + inside;
  }

  #definitionOf({ name }: FieldNode, type: GraphQLNamedType | undefined): GraphQLField<unknown, unknown> | undefined {
    if (!isObjectType(type) && !isInterfaceType(type)) return undefined;
    const field = type.getFields()[name.value];
    if (field || type !== this.#schema.getQueryType()) return field;
    if (name.value === SchemaMetaFieldDef.name) return SchemaMetaFieldDef;
    return name.value === TypeMetaFieldDef.name ? TypeMetaFieldDef : undefined;
  }

  #sizeOf(
    field: GraphQLField<unknown, unknown>,
    parent: GraphQLNamedType | undefined,
    page: number | undefined,
    given: number,
  ): number {
    const known = this.#introspection.get(`${parent?.name}.${field.name}`);
    if (known !== undefined) return known;
    if (!isListType(getNullableType(field.type))) return 1;
    const { listSize } = field.extensions as SizeExtensions;
    return page ?? listSize ?? (given || DEFAULT_LIST_SIZE);
  }

  #mayHoldLists(type: TypeNode): boolean {
    if (type.kind === Kind.NON_NULL_TYPE) return this.#mayHoldLists(type.type);
    return type.kind === Kind.LIST_TYPE || isInputObjectType(this.#schema.getType(type.name.value));
  }

  /** The requested length of a page. An invalid length is refused later, when it is coerced. */
  #pageOf({ arguments: given = [] }: FieldNode): number {
    const sizes = given.flatMap(({ name, value }) => {
      if (name.value !== 'first' && name.value !== 'last') return [];
      if (value.kind === Kind.INT) return [Number(value.value)];
      if (value.kind !== Kind.VARIABLE) return [];
      this.#measure.variables.add(value.name.value);
      return this.#sizes.page(value.name.value) ?? [];
    });
    return Math.max(1, sizes.length > 0 ? Math.max(...sizes) : DEFAULT_PAGE);
  }

  #elementsGiven({ arguments: given = [] }: FieldNode): number {
    let elements = 0;
    for (const { name, value } of given) {
      if (name.value !== 'first' && name.value !== 'last') elements += this.#elementsIn(value);
    }
    return elements;
  }

  #elementsIn(value: ValueNode): number {
    switch (value.kind) {
      case Kind.VARIABLE:
        if (!this.#lists.has(value.name.value)) return 0;
        this.#measure.variables.add(value.name.value);
        return this.#sizes.elements(value.name.value);
      case Kind.LIST:
        return value.values.reduce((sum, element) => sum + this.#elementsIn(element), value.values.length);
      case Kind.OBJECT:
        return value.fields.reduce((sum, field) => sum + this.#elementsIn(field.value), 0);
      default:
        return 0;
    }
  }
}

/** Points for a row of the type that a fragment picks from an interface or union, which itself has no size. */
function pointsOfNarrowing(from: GraphQLNamedType | undefined, to: GraphQLNamedType | undefined): number {
  return isAbstractType(from) && isObjectType(to) ? pointsOf(to.extensions as SizeExtensions) : 0;
}

function emptyMeasure(): Measure {
  return { depth: 0, aliases: 0, cost: 0, variables: new Set() };
}
