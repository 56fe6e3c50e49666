import type { Afterwrite } from './core/afterwrite.ts';
import type { Document, Typed, Variables } from './core/answer.ts';
import { RequestError } from './core/errors.ts';

export type { Typed } from './core/answer.ts';

/** Sends a query or a mutation and returns its data. @throws {RequestError} if the answer has errors. */
export type GraphqlFetch = <Data = Readonly<Record<string, unknown>>, Given extends Variables = Variables>(
  document: Document & Typed<Data, Given>,
  variables?: Given,
  options?: { readonly signal?: AbortSignal },
) => Promise<Data>;

/** A function that sends queries and mutations. Mutations that declare `$commandId` are sent until there is an answer. */
export function createFetch({ query, mutate }: Afterwrite): GraphqlFetch {
  return async <Data>(document: Document, variables?: Variables, options?: { readonly signal?: AbortSignal }) => {
    const send: Afterwrite['query'] = isMutation(document) ? mutate : query;
    const { data, errors, extensions } = await send<Data>(document, variables, options);
    if (errors || data == null) throw new RequestError(errors, extensions?.accepted);
    return data;
  };
}

function isMutation(document: Document): boolean {
  if (typeof document === 'object' && 'definitions' in document) {
    return document.definitions.some(({ operation }) => operation === 'mutation');
  }
  // A comment is not the beginning of an operation.
  return /^\s*mutation\b/m.test(document.valueOf().replace(/#.*$/gm, ''));
}
