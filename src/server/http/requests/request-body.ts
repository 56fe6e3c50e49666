import type { SentOperation, TrustedDocuments } from '../../../graphql/documents/trusted-documents.ts';
import { withoutStack } from '../../../graphql/limits/without-stack.ts';
import { excessOf } from './json-shape.ts';

/** An operation in a JSON body. */
export interface JsonRequest {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  readonly operationName: string | undefined;
}

const PARAMETERS: ReadonlySet<string> = new Set(['query', 'variables', 'operationName', 'extensions', 'documentId']);

/** Levels of lists and objects in a body. Variables have fewer, see `graphql/limits/variables.ts`. */
export const MAX_LEVELS = 100;

/** The JSON of a request's body. It is read once, whoever asks for it. */
export class JsonBody {
  readonly #bytes: Buffer;
  readonly #maxValues: number;
  #outcome: { readonly value: unknown } | { readonly error: unknown } | undefined;

  /** @param maxValues elements of all lists and fields of all objects together. */
  constructor(bytes: Buffer, maxValues: number) {
    this.#bytes = bytes;
    this.#maxValues = maxValues;
  }

  /** The number of its bytes. */
  get length(): number {
    return this.#bytes.length;
  }

  /** A value of any shape. @throws {SyntaxError} if it is not JSON, or is not parsed: {@link UnfitJsonError}. */
  read(): unknown {
    this.#outcome ??= this.#parse();
    if ('error' in this.#outcome) throw this.#outcome.error;
    return this.#outcome.value;
  }

  #parse(): { readonly value: unknown } | { readonly error: unknown } {
    const excess = excessOf(this.#bytes, { levels: MAX_LEVELS, values: this.#maxValues });
    if (excess) return { error: withoutStack(() => new UnfitJsonError(this.#refusal[excess])) };
    try {
      return { value: JSON.parse(this.#bytes.toString().replace(/^\uFEFF/, '')) };
    } catch (error) {
      return { error };
    }
  }

  get #refusal() {
    return {
      levels: `The body is nested more than ${MAX_LEVELS} levels deep.`,
      values: `The body has more than ${this.#maxValues} elements of lists and fields of objects.`,
    };
  }
}

/** A body that is not parsed, because that would take too long. */
export class UnfitJsonError extends SyntaxError {}

/** The operation of a body; undefined if anything about it is unusual. */
export function jsonRequestIn(body: JsonBody | undefined, documents: TrustedDocuments): JsonRequest | undefined {
  try {
    const sent = body?.read();
    if (!isRecord(sent)) return undefined;
    for (const name in sent) if (!PARAMETERS.has(name)) return undefined;
    const { variables, operationName, extensions } = sent;
    if (variables != null && !isRecord(variables)) return undefined;
    if (extensions != null && !isRecord(extensions)) return undefined;
    if (operationName != null && typeof operationName !== 'string') return undefined;
    const query = documents.textOf(sent as SentOperation);
    // Some clients always send a name, empty if the operation has none.
    return query ? { query, variables: variables ?? undefined, operationName: operationName || undefined } : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
