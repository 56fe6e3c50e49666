import type { DocumentNode, FieldNode, OperationDefinitionNode, SelectionNode, ValueNode } from 'graphql';
import type { Variables } from '../core/answer.ts';

/** A value that an answer shows, at its place in a normalised cache. */
export interface Leaf {
  readonly path: string;
  /** The object with an id, or the query root, that it belongs to. */
  readonly owner: string;
  readonly value: string | number | boolean | null;
}

interface Field {
  readonly name: string;
  readonly selections: SelectionNode[];
  readonly key: string;
}

type Shape = Readonly<Record<string, unknown>>;

const ROOT = 'Query';
/** The field of a subscription that is the query root. */
const LIVE = 'live';

/** The key under which a cache keeps an object; undefined if it belongs to the one around it. */
export type Identify = (object: Shape) => string | undefined;

/** Type and id. */
export const typeAndId: Identify = ({ __typename: type, id }) => {
  return typeof id === 'string' || typeof id === 'number' ? `${type ?? ''}:${id}` : undefined;
};

/**
 * Everything that an answer shows, under names that do not depend on the document: type and id of the object, the field
 * and its arguments. Objects without an id belong to the one around them.
 */
export function leavesOf(
  document: DocumentNode,
  variables: Variables,
  data: Shape,
  operationName?: string,
  identify = typeAndId,
): Leaf[] {
  const operations = document.definitions.filter(
    (one): one is OperationDefinitionNode => one.kind === 'OperationDefinition',
  );
  const operation = operations.find(({ name }) => name?.value === operationName) ?? operations[0];
  if (!operation) return [];
  const defaults = (operation.variableDefinitions ?? []).map(({ variable, defaultValue }) => {
    return [variable.name.value, defaultValue ? inputOf(defaultValue, {}) : undefined] as const;
  });
  const walk = new Walk(document, { ...Object.fromEntries(defaults), ...variables }, identify);
  const isQuery = operation.operation === 'query';
  walk.object(operation.selectionSet.selections, data, isQuery ? ROOT : undefined, isQuery ? ROOT : '');
  return walk.leaves;
}

class Walk {
  readonly leaves: Leaf[] = [];
  readonly #fragments: ReadonlyMap<string, readonly SelectionNode[]>;
  readonly #variables: Variables;
  readonly #identify: Identify;

  constructor(document: DocumentNode, variables: Variables, identify: Identify) {
    this.#variables = variables;
    this.#identify = identify;
    this.#fragments = new Map(
      document.definitions.flatMap((one) =>
        one.kind === 'FragmentDefinition' ? [[one.name.value, one.selectionSet.selections] as const] : [],
      ),
    );
  }

  /** @param owner undefined for the root of a mutation or subscription, whose fields no cache shows again. */
  object(selections: readonly SelectionNode[], object: Shape, owner: string | undefined, path: string): void {
    for (const [responseKey, { key, name, selections: inner }] of this.#fields(selections, object)) {
      if (name === '__typename') continue;
      const isLive = name === LIVE && path === '' && typeof object[responseKey] === 'object';
      if (isLive) this.object(inner, (object[responseKey] ?? {}) as Shape, ROOT, ROOT);
      else this.#value(inner, object[responseKey], owner, `${path}.${key}`);
    }
  }

  #value(selections: readonly SelectionNode[], value: unknown, owner: string | undefined, path: string): void {
    const add = (shown: Leaf['value']) => owner !== undefined && this.leaves.push({ path, owner, value: shown });
    if (typeof value !== 'object' || value === null) add((value ?? null) as Leaf['value']);
    else if (selections.length === 0) add(JSON.stringify(value));
    else if (Array.isArray(value)) {
      add(value.length);
      for (const [at, one] of value.entries()) this.#value(selections, one, owner, `${path}.${at}`);
    } else {
      const object = value as Shape;
      const identity = object.__typename === ROOT ? ROOT : this.#identify(object);
      if (identity !== undefined) add(`=> ${identity}`);
      this.object(selections, object, identity ?? owner, identity ?? path);
    }
  }

  /** The selected fields that an object has, by the names that they have in the answer. */
  #fields(selections: readonly SelectionNode[], object: Shape, found = new Map<string, Field>()): Map<string, Field> {
    for (const selection of selections) {
      if (selection.kind === 'Field') this.#add(selection, object, found);
      else if (selection.kind === 'InlineFragment') this.#fields(selection.selectionSet.selections, object, found);
      else this.#fields(this.#fragments.get(selection.name.value) ?? [], object, found);
    }
    return found;
  }

  #add(field: FieldNode, object: Shape, found: Map<string, Field>): void {
    const responseKey = (field.alias ?? field.name).value;
    if (object[responseKey] === undefined) return;
    const inner = field.selectionSet?.selections ?? [];
    const known = found.get(responseKey);
    if (known) known.selections.push(...inner);
    else found.set(responseKey, { name: field.name.value, key: this.#keyOf(field), selections: [...inner] });
  }

  #keyOf({ name, arguments: given = [] }: FieldNode): string {
    if (given.length === 0) return name.value;
    const values = given.map((one) => [one.name.value, inputOf(one.value, this.#variables)] as const);
    return `${name.value}(${JSON.stringify(Object.fromEntries(values.toSorted(([a], [b]) => (a < b ? -1 : 1))))})`;
  }
}

function inputOf(node: ValueNode, variables: Variables): unknown {
  switch (node.kind) {
    case 'Variable':
      return variables[node.name.value];
    case 'NullValue':
      return null;
    case 'IntValue':
    case 'FloatValue':
      return Number(node.value);
    case 'ListValue':
      return node.values.map((value) => inputOf(value, variables));
    case 'ObjectValue':
      return Object.fromEntries(node.fields.map(({ name, value }) => [name.value, inputOf(value, variables)]));
    default:
      return node.value;
  }
}
