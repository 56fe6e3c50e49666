import {
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';

/** Extensions of a field that is resolved from the state of the server instead of a read model. */
export type PolledExtensions = {
  /** No read model announces its changes: a live query looks at it at intervals. */
  readonly polled?: boolean;
};

export const POLLED: PolledExtensions = { polled: true };

/** True if an operation selects such a field, also in these fragments. */
export function isPolled(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: Iterable<FragmentDefinitionNode>,
): boolean {
  let found = false;
  const types = new TypeInfo(schema);
  const look = visitWithTypeInfo(types, {
    Field: () => {
      const extensions = types.getFieldDef()?.extensions as PolledExtensions | undefined;
      found ||= extensions?.polled === true;
    },
  });
  visit(operation, look);
  for (const fragment of fragments) visit(fragment, look);
  return found;
}
