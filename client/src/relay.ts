import { type DocumentNode, parse } from 'graphql';
import {
  type EnvironmentConfig,
  type GraphQLResponse,
  type MissingFieldHandler,
  Network,
  Observable,
  type RequestParameters,
  ROOT_TYPE,
  type SelectorStoreUpdater,
} from 'relay-runtime';
import type { Afterwrite } from './core/afterwrite.ts';
import type { Variables } from './core/answer.ts';
import { AfterwriteError, RequestError } from './core/errors.ts';
import { InOrder } from './order/in-order.ts';

export interface RelayOptions {
  /**
   * Fields of the query root that find an object by its `id` alone, with the type of the object, for example
   * `{ order: 'Order' }`. Like `node`, they are read from the store if the object is there.
   */
  readonly fields?: Readonly<Record<string, string>>;
  /**
   * Types whose objects may have the id of an object of another type, for example `['Author']`. The store keeps them
   * apart. Select their `__typename` wherever you select them.
   */
  readonly sharedIds?: readonly string[];
}

/**
 * The parts of a Relay environment that know the server: `new Environment({ ...relayConfig(afterwrite), store })`. The
 * network sends all operations. An answer that was overtaken by a newer one about the same never reaches the store.
 * Mutations that declare `$commandId` are sent until there is an answer.
 */
export function relayConfig(
  afterwrite: Afterwrite,
  { fields = {}, sharedIds = [] }: RelayOptions = {},
): Pick<EnvironmentConfig, 'network' | 'getDataID' | 'missingFieldHandlers'> {
  const keyOf = (type: unknown, id: unknown) => {
    if (typeof id !== 'string') return undefined;
    return sharedIds.includes(String(type)) ? `${type}:${id}` : id;
  };
  const inOrder = new InOrder(afterwrite, ({ __typename: type, id }) => keyOf(type, id));
  const documents = new Map<string, DocumentNode>();
  const send = ({ text, name, operationKind }: RequestParameters, variables: Variables) =>
    Observable.create<GraphQLResponse>((sink) => {
      if (!text) {
        const message = `The request ${name} has no text. Compile the documents without persisted queries.`;
        throw new AfterwriteError('DOCUMENT_WITHOUT_TEXT', message, { name });
      }
      const document = documents.get(text) ?? parse(text, { noLocation: true });
      documents.set(text, document);
      return inOrder.execute(
        operationKind,
        { document, text, variables },
        {
          next: ({ data, errors = [], extensions }) => {
            if (data == null) sink.error(new RequestError(errors, extensions?.accepted));
            else sink.next({ data, ...(errors.length > 0 && { errors }), extensions } as GraphQLResponse);
          },
          error: (error) => sink.error(error as Error),
          complete: () => sink.complete(),
        },
      );
    });
  return {
    network: Network.create(send, send),
    getDataID: ({ id }, type) => keyOf(type, id) as string,
    missingFieldHandlers: [lookup(fields, sharedIds, keyOf)],
  };
}

/** Finds the object of `node(id: …)` and of similar fields in the store. */
function lookup(
  fields: Readonly<Record<string, string>>,
  sharedIds: readonly string[],
  keyOf: (type: string, id: unknown) => string | undefined,
): MissingFieldHandler {
  return {
    kind: 'linked',
    handle: ({ name }, parent, { id, ...others }, store) => {
      if (parent?.getType() !== ROOT_TYPE || typeof id !== 'string' || Object.keys(others).length > 0) return undefined;
      if (name === 'node') {
        const keys = [id, ...sharedIds.map((type) => `${type}:${id}`)].filter((key) => store.get(key) != null);
        // Of several things with one id, the server finds the one that the selection means.
        return keys.length === 1 ? keys[0] : undefined;
      }
      const type = fields[name];
      const key = type && keyOf(type, id);
      return key && store.get(key)?.getType() === type ? key : undefined;
    },
  };
}

/**
 * The `updater` of a subscription to `live`: what it reads becomes the answer of queries with the same fields and
 * arguments, as if these had been sent again.
 */
export const showLive: SelectorStoreUpdater<unknown> = (store) => {
  const live = store.getRootField('live');
  if (live) store.getRoot().copyFieldsFrom(live);
};
