import { type DocumentNode, GraphQLError, parse, type Source } from 'graphql';
import { LRUCache } from 'lru-cache';
import { withoutStack } from './without-stack.ts';

export interface DocumentLimits {
  /** In UTF-16 units. */
  readonly length: number;
  /** Lexical tokens. */
  readonly tokens: number;
}

/** Bytes of a token with its share of the syntax tree; measured on large documents, rounded up. */
const BYTES_PER_TOKEN = 600;
/** Bytes of a cache entry besides its document. */
const BYTES_PER_ENTRY = 500;

/**
 * Parses a document within limits. Reading stops at the limit, so a long document costs no more than a short one.
 *
 * Lines are limited too, to twice as many as tokens: finding the place of an error requires counting the lines before
 * it.
 * @throws {GraphQLError} BAD_USER_INPUT beyond a limit, or a syntax error.
 */
export function parseWithin(source: string | Source, { length, tokens }: DocumentLimits): DocumentNode {
  const body = typeof source === 'string' ? source : source.body;
  if (body.length > length) {
    throw refusal(
      `The document is ${body.length} characters long; at most ${length} are allowed. Send values as variables.`,
    );
  }
  if (hasMoreLines(body, 2 * tokens)) throw refusal(`The document has more than ${2 * tokens} lines.`);
  try {
    return parse(source, { maxTokens: tokens });
  } catch (error) {
    if (error instanceof GraphQLError && error.message.startsWith('Syntax Error: Document contains more')) {
      throw refusal(`Token limit of ${tokens} exceeded.`);
    }
    throw error;
  }
}

/** An error that says which limit a request exceeds. */
export function refusal(message: string, facts: Readonly<Record<string, unknown>> = {}): GraphQLError {
  return withoutStack(() => new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT', ...facts } }));
}

function hasMoreLines(text: string, lines: number): boolean {
  const breaks = /\r\n|[\n\r]/g;
  for (let count = 1; count <= lines; count++) if (!breaks.test(text)) return false;
  return true;
}

/**
 * Caches of parsed documents and of syntax errors, by the text of the document; together they take at most about
 * `maxBytes`. The result of validation is kept with the parsed document.
 */
export function documentCaches(maxBytes: number) {
  const share = Math.max(1, Math.floor(maxBytes / 16));
  return {
    documentCache: new LRUCache<string, DocumentNode>({
      maxSize: share * 15,
      sizeCalculation: ({ tokenCount = 0 }, text) => BYTES_PER_ENTRY + 2 * text.length + BYTES_PER_TOKEN * tokenCount,
    }),
    errorCache: new LRUCache<string, Error>({
      maxSize: share,
      sizeCalculation: (_, text) => BYTES_PER_ENTRY + 2 * text.length,
    }),
  };
}
