import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ExecutionResult, OperationTypeNode } from 'graphql';
import { processRegularResult } from 'graphql-yoga';
import type { KnownDocuments, KnownOperation } from '../../../graphql/documents/known-documents.ts';
import type { TrustedDocuments } from '../../../graphql/documents/trusted-documents.ts';
import { TOKEN_HEADER } from '../../../graphql/plugins/consistency.ts';
import { writtenAnswer } from '../../../graphql/plugins/sliced-answers.ts';
import type { Turns } from '../../../scheduling/turns.ts';
import type { Graphql } from '../../graphql.ts';
import { noteRefusal, noteStatus } from '../../limits/refusals-plugin.ts';
import { pointsOfDocument } from '../../limits/traffic.ts';
import { withHead } from '../answer-head.ts';
import { untilExpired } from '../expiring-operations.ts';
import { lengthOfPieces, sendPieces } from '../send-answer.ts';
import { type HttpContext, LARGE_BODY } from './graphql-requests.ts';
import { type JsonType, jsonTypeFor } from './media-types.ts';
import { type JsonRequest, jsonRequestIn } from './request-body.ts';

export interface JsonRequests extends Graphql {
  readonly documents: TrustedDocuments;
  readonly known: KnownDocuments;
  /** Turns of unknown documents on the event loop. */
  readonly turns: Turns;
}

/** An unknown document of this many characters or more is parsed and validated when its caller has a turn. */
const LONG_DOCUMENT = 1000;
/**
 * Maximum length of a document in characters, unless GRAPHQL_MAX_DOCUMENT_LENGTH is raised. A longer body has other
 * contents.
 */
const MAX_DOCUMENT = 131_072;

interface JsonOperation extends KnownOperation, JsonRequest {}

/**
 * Answers requests to the API. Most are queries and commands whose document is known, sent and answered as JSON. These
 * go through the same plugins without Yoga and Fetch's objects, which cost more than all the rest.
 * Everything else goes through Yoga, which also reports what is wrong with a request. An unknown document costs points,
 * because it has to be parsed and validated.
 */
export function answerRequests(options: JsonRequests) {
  const { yoga, documents, known } = options;
  return (request: IncomingMessage, response: ServerResponse, context: HttpContext): unknown => {
    const isPost = request.method === 'POST';
    const sent = isPost ? jsonRequestIn(context.body, documents) : undefined;
    const found = sent && known.find(sent.query, sent.operationName);
    const type = isPost ? jsonTypeFor(request.headers) : undefined;
    if (type && found && found.operation.operation !== OperationTypeNode.SUBSCRIPTION) {
      return answerJson(options, response, context, type, { ...sent, ...found });
    }
    const answer = () => yoga(request, response, context);
    if (found) return answer();
    // If a request is unusual, its document may not be found here.
    const length = sent?.query.length ?? context.body?.length ?? request.url?.length ?? 0;
    return admitDocument(options, context, Math.min(length, MAX_DOCUMENT)).then(answer);
  };
}

async function admitDocument({ turns }: JsonRequests, { visit, body }: HttpContext, length: number): Promise<void> {
  await visit.spend(pointsOfDocument(length));
  // A large body has its turn already.
  if (length >= LONG_DOCUMENT && !(body && body.length >= LARGE_BODY)) await turns.take(visit.caller);
}

async function answerJson(
  { execute }: JsonRequests,
  response: ServerResponse,
  context: HttpContext,
  type: JsonType,
  asked: JsonOperation,
): Promise<void> {
  const { visit, client } = context;
  const expiresAt = visit.authenticated?.expiresAt;
  const running = execute(asked, { visit, client });
  // Commands were authorised when they were accepted, and their outcome must not be hidden.
  const mayEnd = asked.operation.operation === OperationTypeNode.QUERY;
  const result = await (expiresAt && mayEnd ? untilExpired(running, expiresAt) : running);
  const token = tokenIn(result);
  if (token !== undefined) response.setHeader(TOKEN_HEADER, token);
  if (!result.errors) {
    const written = writtenAnswer(result);
    // With its length an answer is one write. Without, Node sends it in chunks.
    const length = typeof written === 'string' ? Buffer.byteLength(written) : lengthOfPieces(written);
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8`, 'content-length': length });
    if (typeof written === 'string') response.end(written);
    else sendPieces(response, written);
    return;
  }
  noteRefusal(visit, result.errors, client.correlationId);
  const answered = withHead(result, type, visit.authenticated !== null);
  const answer = processRegularResult(answered as never, { Response } as never, type);
  noteStatus(visit, answer.status, client.correlationId);
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
}

function tokenIn({ extensions }: ExecutionResult): string | undefined {
  return (extensions?.consistency as { readonly token?: string } | undefined)?.token;
}
