import { type GraphQLOutputType, getNullableType, isListType } from 'graphql';
import { isPromise } from './run.ts';

/** How many lists a type nests: 0 if it is no list. */
export function depthOf(type: GraphQLOutputType): number {
  const nullable = getNullableType(type);
  return isListType(nullable) ? 1 + depthOf(nullable.ofType) : 0;
}

/**
 * The elements of a list. A promise among them may reject before its turn comes, or its turn never comes because the
 * list fails. This must not be an unhandled rejection, which ends the process: so each has a handler from here on.
 * @param depth of the list's type; lists within the list are made ready too.
 */
export function elementsOf(list: Iterable<unknown>, depth: number): readonly unknown[] {
  const elements: readonly unknown[] = Array.isArray(list) ? list : [...list];
  if (depth === 1 && !elements.some(isPromise)) return elements;
  return elements.map((element) => {
    if (isPromise(element)) return handled(element);
    return depth > 1 && isIterable(element) ? elementsOf(element, depth - 1) : element;
  });
}

/** As a promise of the language: to ask a lazy one, as a query is, for its value again would execute it again. */
function handled(element: PromiseLike<unknown>): Promise<unknown> {
  const promise = Promise.resolve(element);
  promise.catch(() => undefined);
  return promise;
}

export function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}
