import type { SentOperation, TrustedDocuments } from '../../../graphql/documents/trusted-documents.ts';
import { withoutStack } from '../../../graphql/limits/without-stack.ts';
import { excessOf, type JsonLimits } from './json-shape.ts';

/** An operation in a JSON body. */
export interface JsonRequest {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  readonly operationName: string | undefined;
}

const PARAMETERS: ReadonlySet<string> = new Set(['query', 'variables', 'operationName', 'extensions', 'documentId']);

/** The JSON of a request's body. It is parsed at most once, however many plugins read it. */
export class JsonBody {
  readonly #bytes: Buffer;
  readonly #limits: JsonLimits;
  #outcome: { readonly value: unknown } | { readonly error: unknown } | undefined;

  constructor(bytes: Buffer, limits: JsonLimits) {
    this.#bytes = bytes;
    this.#limits = limits;
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
    const excess = excessOf(this.#bytes, this.#limits);
    if (excess) return { error: withoutStack(() => new UnfitJsonError(this.#refusal[excess])) };
    try {
      return { value: JSON.parse(this.#bytes.toString().replace(/^\uFEFF/, '')) };
    } catch (error) {
      return { error };
    }
  }

  get #refusal() {
    const { levels, values } = this.#limits;
    return {
      levels: `The body is nested more than ${levels} levels deep.`,
      values: `The body has more than ${values} elements of lists and fields of objects.`,
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
