import type { GraphQLParams } from 'graphql-yoga';
import type { SentOperation, TrustedDocuments } from '../../../graphql/documents/trusted-documents.ts';
import { isNestedDeeper } from './json-depth.ts';

/** An operation in a JSON body. */
export interface JsonRequest {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  readonly operationName: string | undefined;
}

const PARAMETERS: ReadonlySet<string> = new Set(['query', 'variables', 'operationName', 'extensions', 'documentId']);

/** Levels of lists and objects in a body. Variables have fewer, see `graphql/limits/variables.ts`. */
const MAX_LEVELS = 100;

/** The JSON of a body, of any shape. @throws {SyntaxError} if it is not JSON, or is nested too deeply. */
export function readJson(body: Buffer | undefined): GraphQLParams {
  if (body && isNestedDeeper(body, MAX_LEVELS)) {
    throw new NestedTooDeepError(`The body is nested more than ${MAX_LEVELS} levels deep.`);
  }
  return JSON.parse((body?.toString() ?? '').replace(/^\uFEFF/, '')) as GraphQLParams;
}

/** A body that is not parsed, because that would take too long. */
export class NestedTooDeepError extends SyntaxError {}

/** The operation of a body; undefined if anything about it is unusual. */
export function jsonRequestIn(body: Buffer | undefined, documents: TrustedDocuments): JsonRequest | undefined {
  try {
    const sent: unknown = readJson(body);
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
