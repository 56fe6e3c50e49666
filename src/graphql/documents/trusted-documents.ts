import { GraphQLError } from 'graphql';
import { type Documents, idOf, withoutPrefix } from './read-documents.ts';

/** What a client sends, by whatever transport. Nothing of it has been looked at. */
export interface SentOperation {
  readonly query?: unknown;
  readonly documentId?: unknown;
  readonly extensions?: unknown;
}

/** Said by name and not by the API's codes: clients then send the document itself, from then on. */
export const NOT_SUPPORTED = {
  message: 'PersistedQueryNotSupported',
  extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' },
};

/** The documents that a server was given. Clients may send their ids instead of them. */
export class TrustedDocuments {
  readonly #documents: Documents;
  readonly #only: boolean;

  /** @param only answers no other documents. */
  constructor(documents: Documents = new Map(), only = false) {
    this.#documents = documents;
    this.#only = only;
  }

  /**
   * The text of the document that is meant; undefined if nothing says which.
   * @throws {GraphQLError} PERSISTED_QUERY_NOT_FOUND for an unknown id, PERSISTED_QUERY_NOT_SUPPORTED for a hash if there may be
   * other documents, FORBIDDEN for a document that is not among these and has to be.
   */
  textOf(sent: SentOperation): string | undefined {
    const { query, documentId } = sent;
    if (typeof query === 'string' && query !== '') {
      if (this.#only && !this.#documents.has(idOf(query))) {
        throw new GraphQLError(
          'This server answers only the documents that it was given: send the `documentId` of one of them.',
          { extensions: { code: 'FORBIDDEN', http: { status: 403 } } },
        );
      }
      return query;
    }
    if (typeof documentId === 'string') return this.#documents.get(withoutPrefix(documentId)) ?? notFound();
    const hash = hashIn(sent.extensions);
    if (hash === undefined) return undefined;
    const known = typeof hash === 'string' ? this.#documents.get(hash) : undefined;
    if (known !== undefined) return known;
    if (this.#only) return notFound();
    throw new GraphQLError(NOT_SUPPORTED.message, { extensions: NOT_SUPPORTED.extensions });
  }
}

/** The hash that stands for a document, as clients of Apollo's protocol send it. Undefined if there is none. */
function hashIn(extensions: unknown): unknown {
  const { persistedQuery } = (extensions ?? {}) as { persistedQuery?: unknown };
  if (typeof persistedQuery !== 'object' || persistedQuery === null) return undefined;
  return (persistedQuery as { sha256Hash?: unknown }).sha256Hash ?? null;
}

function notFound(): never {
  throw new GraphQLError('This server was not given a document with this id.', {
    extensions: { code: 'PERSISTED_QUERY_NOT_FOUND', http: { status: 404 } },
  });
}
