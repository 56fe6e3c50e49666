import type { Afterwrite } from './core/afterwrite.ts';
import type { Document, Variables } from './core/answer.ts';
import { RequestError } from './core/errors.ts';

/** A document that knows the types of its data and variables, as graphql-codegen and gql.tada make them. */
export interface Typed<Data, Given> {
  readonly __apiType?: (variables: Given) => Data;
}

/** Sends a query or a mutation and returns its data. @throws {RequestError} if the answer has errors. */
export type GraphqlFetch = <Data = Readonly<Record<string, unknown>>, Given extends Variables = Variables>(
  document: Document & Typed<Data, Given>,
  variables?: Given,
  options?: { readonly signal?: AbortSignal },
) => Promise<Data>;

/** A function that sends queries and mutations. Mutations that declare `$commandId` are sent until there is an answer. */
export function createFetch({ query, mutate }: Afterwrite): GraphqlFetch {
  return async <Data>(document: Document, variables?: Variables, options?: { readonly signal?: AbortSignal }) => {
    const send = /^\s*mutation\b/m.test(withoutComments(document)) ? mutate : query;
    const { data, errors, extensions } = await send(document, variables, options);
    if (errors || data == null) throw new RequestError(errors, extensions?.accepted);
    return data as Data;
  };
}

/** The text, so that a comment is not taken for the beginning of an operation. */
function withoutComments(document: Document): string {
  const text = typeof document === 'object' && 'loc' in document ? document.loc?.source.body : document;
  return String(text ?? '').replace(/#.*$/gm, '');
}
