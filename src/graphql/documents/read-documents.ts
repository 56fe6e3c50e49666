import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type DefinitionNode,
  type DocumentNode,
  type GraphQLError,
  type GraphQLSchema,
  Kind,
  parse,
  print,
  Source,
  separateOperations,
  validate,
} from 'graphql';

/** Documents by their id: the SHA-256 of the text in hexadecimal, unless a file says otherwise. */
export type Documents = ReadonlyMap<string, string>;

/** Documents cannot be used. The message has a line for each reason. */
export class DocumentsError extends Error {
  readonly code = 'BAD_DOCUMENTS';

  constructor(path: string, problems: readonly string[]) {
    super(`The documents in ${path} cannot be used: ${problems.join('\n')}`);
    this.name = 'DocumentsError';
  }
}

/** The id of a document. */
export function idOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * Reads documents: a file of JSON, `{ id: text }`, or a folder with `.graphql` files, in which each operation is a document
 * together with the fragments that it uses, whichever file they are in.
 * @throws {DocumentsError} if something cannot be read, or is no document that the schema answers.
 */
export async function readDocuments(path: string, schema: GraphQLSchema): Promise<Documents> {
  const found = await stat(path).catch((error: Error) => error);
  if (found instanceof Error) throw new DocumentsError(path, [found.message]);
  return found.isDirectory() ? readFolder(path, schema) : readJson(path, schema);
}

async function readJson(path: string, schema: GraphQLSchema): Promise<Documents> {
  const problems: string[] = [];
  let entries: [string, unknown][] = [];
  try {
    const json: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Error('It is no object of JSON.');
    entries = Object.entries(json);
  } catch (error) {
    throw new DocumentsError(path, [(error as Error).message]);
  }
  const documents = new Map<string, string>();
  for (const [id, text] of entries) {
    if (typeof text !== 'string') {
      problems.push(`${id} is no text.`);
      continue;
    }
    problems.push(...problemsOf(new Source(text, id), schema));
    documents.set(withoutPrefix(id), text);
  }
  if (problems.length > 0) throw new DocumentsError(path, problems);
  return documents;
}

async function readFolder(path: string, schema: GraphQLSchema): Promise<Documents> {
  const files = (await readdir(path, { recursive: true })).filter((name) => /\.(graphql|gql)$/.test(name)).sort();
  const definitions: DefinitionNode[] = [];
  try {
    for (const file of files) {
      const text = await readFile(join(path, file), 'utf8');
      definitions.push(...parse(new Source(text, file)).definitions);
    }
  } catch (error) {
    throw new DocumentsError(path, [String(error)]);
  }
  if (files.length === 0) throw new DocumentsError(path, ['There is no .graphql file.']);
  const all: DocumentNode = { kind: Kind.DOCUMENT, definitions };
  const unnamed = definitions.some((each) => each.kind === Kind.OPERATION_DEFINITION && !each.name);
  const problems = unnamed ? ['Every operation has a name.'] : validate(schema, all).map(String);
  if (problems.length > 0) throw new DocumentsError(path, problems);
  const texts = Object.values(separateOperations(all)).map(print);
  return new Map(texts.map((text) => [idOf(text), text]));
}

function problemsOf(source: Source, schema: GraphQLSchema): string[] {
  try {
    return validate(schema, parse(source)).map(String);
  } catch (error) {
    return [String(error as GraphQLError)];
  }
}

/** `sha256:` may stand before an id, as the GraphQL-over-HTTP specification writes it. */
export function withoutPrefix(id: string): string {
  return id.replace(/^sha256:/i, '');
}
