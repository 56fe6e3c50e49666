import { ApolloLink, type FieldPolicy, InMemoryCache, type InMemoryCacheConfig } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';
import { print } from 'graphql';
import { Observable } from 'rxjs';
import type { Afterwrite } from './core/afterwrite.ts';
import { InOrder } from './order/in-order.ts';
import { PAGING_ARGUMENTS, POSSIBLE_TYPES } from './schema.ts';

/**
 * The last link of an Apollo Client: it sends all operations, also subscriptions. An answer that was overtaken by a
 * newer one about the same never reaches the cache. Mutations that declare `$commandId` are sent until there is an answer.
 */
export function afterwriteLink(afterwrite: Afterwrite): ApolloLink {
  const inOrder = new InOrder(afterwrite);
  return new ApolloLink(({ query: document, variables, operationName, operationType }) => {
    const operation = { document, text: print(document), variables, operationName };
    return new Observable<ApolloLink.Result>((observer) =>
      inOrder.execute(operationType, operation, {
        next: (answer) => observer.next(answer as ApolloLink.Result),
        error: (error) => observer.error(error),
        complete: () => observer.complete(),
      }),
    );
  });
}

export interface AfterwriteCacheConfig extends InMemoryCacheConfig {
  /**
   * Fields that are connections, by type, for example `{ Query: ['orders'], Customer: ['orders'] }`: pages that are
   * read by `fetchMore` are added to those before.
   */
  readonly connections?: Readonly<Record<string, readonly string[]>>;
}

/**
 * A cache that knows the types of the product: without `possibleTypes`, Apollo Client drops what `... on Error` selects.
 * Possible types and policies of the application are added to them.
 */
export function afterwriteCache({ connections = {}, ...config }: AfterwriteCacheConfig = {}): InMemoryCache {
  const typePolicies = { ...config.typePolicies };
  for (const [type, names] of Object.entries(connections)) {
    const fields = Object.fromEntries(names.map((name) => [name, connectionPolicy()]));
    typePolicies[type] = { ...typePolicies[type], fields: { ...fields, ...typePolicies[type]?.fields } };
  }
  return new InMemoryCache({
    ...config,
    possibleTypes: { ...POSSIBLE_TYPES, ...config.possibleTypes },
    typePolicies,
  });
}

/** The policy of one connection: its pages are one list for each combination of the other arguments. */
export function connectionPolicy(): FieldPolicy {
  return relayStylePagination((args) =>
    Object.keys(args ?? {})
      .filter((name) => !PAGING_ARGUMENTS.includes(name))
      .sort(),
  );
}
