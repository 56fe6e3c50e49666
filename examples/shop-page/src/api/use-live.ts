import type { OperationVariables, TypedDocumentNode } from '@apollo/client';
import { useApolloClient, useSubscription } from '@apollo/client/react';
import { type DocumentNode, Kind, OperationTypeNode } from 'graphql';
import { useMemo, useRef } from 'react';
import { serverAnswered } from './connection.ts';

/**
 * The answer to a live query, kept up to date. Until the first message the page shows what the cache has, or else what it
 * has shown before. The variable `after` is filled in by the client: the first message has what this person has written.
 */
export function useLive<View, Variables extends OperationVariables>(
  document: TypedDocumentNode<{ live: View }, Variables>,
  variables: NoInfer<Variables>,
): { readonly view: View | undefined; readonly isLoading: boolean; readonly error: Error | undefined } {
  const client = useApolloClient();
  const { data, loading, error } = useSubscription<{ live: View }, OperationVariables>(document, {
    variables,
    onData: serverAnswered,
  });
  const message = data as { readonly live: View } | undefined;
  const query = useMemo(() => asQuery(document), [document]);
  const cached = () => client.readQuery<{ live: View }>({ query, variables, id: 'ROOT_SUBSCRIPTION' });
  const former = useRef<View>(undefined);
  former.current = (message ?? cached())?.live ?? former.current;
  return { view: former.current, isLoading: loading, error };
}

/** Apollo Client keeps messages of subscriptions in its cache, but reads only queries from it. */
function asQuery({ kind, definitions }: DocumentNode): DocumentNode {
  const operation = OperationTypeNode.QUERY;
  const read = definitions.map((one) => (one.kind === Kind.OPERATION_DEFINITION ? { ...one, operation } : one));
  return { kind, definitions: read };
}
