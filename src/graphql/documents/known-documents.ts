import { type DocumentNode, getOperationAST, type OperationDefinitionNode } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { documentCaches } from '../limits/document.ts';

/** An operation of a document that is known to be valid. */
export interface KnownOperation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
}

/**
 * The documents that clients send repeatedly: parsed and valid. They are found by their text, as long as the caches of
 * documents keep them.
 */
export class KnownDocuments {
  readonly caches: ReturnType<typeof documentCaches>;
  readonly #valid = new WeakSet<DocumentNode>();

  /** @param maxBytes of all documents together. */
  constructor(maxBytes: number) {
    this.caches = documentCaches(maxBytes);
  }

  /** Records documents that are found valid. The rules are the same for everybody. */
  get plugin(): Plugin {
    return {
      onValidate: ({ params: { documentAST } }) => {
        return ({ valid }) => {
          if (valid) this.#valid.add(documentAST);
        };
      },
    };
  }

  /** The operation of this name, or the only one; undefined if the document is unknown or has no such operation. */
  find(text: string, operationName: string | undefined): KnownOperation | undefined {
    const document = this.caches.documentCache.get(text);
    if (!document || !this.#valid.has(document)) return undefined;
    const operation = getOperationAST(document, operationName);
    return operation ? { document, operation } : undefined;
  }
}
