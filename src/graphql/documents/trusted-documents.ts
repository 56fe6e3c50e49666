import { GraphQLError } from 'graphql';
import { type Documents, idOf, withoutPrefix } from './read-documents.ts';

/** An operation as a client sends it, over any transport. Not validated yet. */
export interface SentOperation {
  readonly query?: unknown;
  readonly documentId?: unknown;
  readonly extensions?: unknown;
}

/** The message has the name that clients of Apollo's protocol know. They then send the document itself from now on. */
export const NOT_SUPPORTED = {
  message: 'PersistedQueryNotSupported',
  extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' },
};

/** The documents that a server was given. Clients may send their ids instead of the text. */
export class TrustedDocuments {
  readonly #documents: Documents;
  readonly #only: boolean;

  /** @param only if true, all other documents are refused. */
  constructor(documents: Documents = new Map(), only = false) {
    this.#documents = documents;
    this.#only = only;
  }

  /**
   * The text of the requested document; undefined if the client names none.
   * @throws {GraphQLError} PERSISTED_QUERY_NOT_FOUND for an unknown id; PERSISTED_QUERY_NOT_SUPPORTED for a hash if
   *   other documents are allowed; FORBIDDEN for any other document if only these are allowed.
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

/** The hash of a document as clients of Apollo's protocol send it; undefined if there is none. */
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
