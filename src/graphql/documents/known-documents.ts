import { type DocumentNode, getOperationAST, type OperationDefinitionNode } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { documentCaches } from '../limits/document.ts';

/** What a request asks for, of a document that was found valid. */
export interface KnownOperation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
}

/**
 * The documents that clients send again and again: parsed, and found valid. They are known by their text, as long as the caches of
 * documents keep them.
 */
export class KnownDocuments {
  readonly caches: ReturnType<typeof documentCaches>;
  readonly #valid = new WeakSet<DocumentNode>();

  /** @param maxBytes that the documents may take together. */
  constructor(maxBytes: number) {
    this.caches = documentCaches(maxBytes);
  }

  /** Tells of documents that are found valid. The rules are the same for everybody. */
  get plugin(): Plugin {
    return {
      onValidate: ({ params: { documentAST } }) => {
        return ({ valid }) => {
          if (valid) this.#valid.add(documentAST);
        };
      },
    };
  }

  /** The operation of that name, or the only one; undefined if the document is not known or has no such operation. */
  find(text: string, operationName: string | undefined): KnownOperation | undefined {
    const document = this.caches.documentCache.get(text);
    if (!document || !this.#valid.has(document)) return undefined;
    const operation = getOperationAST(document, operationName);
    return operation ? { document, operation } : undefined;
  }
}
