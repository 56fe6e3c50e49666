import type { InterfaceRef } from '@pothos/core';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { FragmentDefinitionNode, GraphQLResolveInfo, SelectionNode } from 'graphql';
import { DefinitionError } from '../../kernel/define/definition-error.ts';
import type { Projection } from '../../kernel/define/read-model/projection.ts';
import type { RowValues } from '../../kernel/read/fold/working-rows.ts';
import type { Builder } from '../builder.ts';
import type { ReadModelExtensions } from '../consistency/touched.ts';
import type { Context } from '../context.ts';
import { BadUserInputError } from '../errors.ts';
import type { Types } from './read-model-type.ts';

/** Most ids that `nodes` takes. */
const MAX_NODES = 100;

/** A row that is told its type, as GraphQL needs it to resolve an interface. */
export type TypedRow = RowValues & { readonly __typename: string };

/** The interface `Node`. */
export type NodeInterface = InterfaceRef<Types, TypedRow>;

/** An object type that implements `Node`. */
export interface NodeType {
  /** The name of the type. */
  readonly name: string;
  readonly projection: Projection;
}

/** Adds the interface `Node`. */
export function addNodeInterface(builder: Builder): NodeInterface {
  const Node = builder.interfaceRef<TypedRow>('Node').implement({
    description: 'Something with an id of its own, which is unique across all types (Relay).',
  });
  builder.interfaceFields(Node, (t) => ({ id: t.id({ description: 'Its id.', resolve: ({ id }) => String(id) }) }));
  return Node;
}

/**
 * Adds the queries `node(id)` and `nodes(ids)`. An id is looked up in the read models of all these types with one
 * statement.
 * @param types all types that implement `Node`. Their ids are those of aggregates: the log has each id only once.
 */
export function addNodeQueries(
  builder: Builder,
  Node: NodeInterface,
  types: readonly NodeType[],
  extensions: ReadModelExtensions,
): void {
  const projections = types.map(({ projection }) => projection);
  const names = new Map(types.map(({ name, projection }) => [projection, name]));
  const find = async ({ rows }: Context, id: string, named: ReadonlySet<string>): Promise<TypedRow | null> => {
    const found = await rows.node(projections, id, (projection) => named.has(names.get(projection) ?? ''));
    return found && { ...found.row, __typename: names.get(found.projection) ?? '' };
  };
  builder.queryFields((t) => ({
    node: t.field({
      type: Node,
      nullable: true,
      description: `The object with this id, whatever its type; null if there is none that you may see. An actor may be several objects
under one id: then it is the one whose type the selection names by a fragment, or the first.`,
      extensions,
      args: { id: t.arg.id({ required: true, description: 'Its id, a UUID.' }) },
      resolve: (_, { id }, context, info) => find(context, id, typesNamedIn(info)),
    }),
    nodes: t.field({
      type: [Node],
      nullable: { list: false, items: true },
      description: `The objects with these ids, whatever their types, in the order of the ids; null for each that does not exist, or that
you may not see.`,
      extensions,
      args: { ids: t.arg.idList({ required: true, description: `The ids, UUIDs; at most ${MAX_NODES}.` }) },
      resolve: (_, { ids }, context, info) => {
        if (ids.length > MAX_NODES) {
          throw new BadUserInputError(`\`ids\` has ${ids.length} ids; at most ${MAX_NODES} are allowed.`);
        }
        // An id that cannot be one is an error of its element alone.
        const failed = (error: unknown) => context.budget.failed(error, info.path) as null;
        const named = typesNamedIn(info);
        const found = ids.map((id) => find(context, id, named).catch(failed));
        return Promise.all(found);
      },
    }),
  }));
}

/** Types that the selection of a field names by fragments. */
function typesNamedIn({ fieldNodes, fragments }: GraphQLResolveInfo): ReadonlySet<string> {
  const named = new Set<string>();
  const visit = (selections: readonly SelectionNode[]) => {
    for (const selection of selections) {
      if (selection.kind === 'Field') continue;
      const fragment: SelectionNode | FragmentDefinitionNode | undefined =
        selection.kind === 'FragmentSpread' ? fragments[selection.name.value] : selection;
      if (!fragment) continue;
      if (fragment.typeCondition) named.add(fragment.typeCondition.name.value);
      visit(fragment.selectionSet.selections);
    }
  };
  for (const { selectionSet } of fieldNodes) visit(selectionSet?.selections ?? []);
  return named;
}

/** Refuses a type whose ids are not those of aggregates. @throws {DefinitionError} KEY_UNSUPPORTED */
export function refuseAsNode(type: string, { name, key }: Pick<Projection, 'name' | 'key'>): void {
  const [column, ...others] = key.map((each): PgColumn => each.column);
  if (column?.getSQLType() === 'uuid' && others.length === 0) return;
  const columns = key.map(({ property }) => property);
  throw new DefinitionError(
    'KEY_UNSUPPORTED',
    { type, projection: name, columns },
    `The type ${type} cannot be a node: a node has the id of an aggregate, and the key of projection ${name} is ${columns.join(' and ')}. ` +
      'Leave out `node: true`, or give the table a key of one column of type uuid.',
  );
}
