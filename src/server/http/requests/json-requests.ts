import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ExecutionArgs, type ExecutionResult, OperationTypeNode } from 'graphql';
import { processRegularResult } from 'graphql-yoga';
import type { KnownDocuments, KnownOperation } from '../../../graphql/documents/known-documents.ts';
import type { TrustedDocuments } from '../../../graphql/documents/trusted-documents.ts';
import { TOKEN_HEADER } from '../../../graphql/plugins/consistency.ts';
import { answerError, type OnFault } from '../../../graphql/plugins/errors.ts';
import { writtenAnswer } from '../../../graphql/plugins/sliced-answers.ts';
import type { Yoga } from '../../graphql.ts';
import { noteRefusal, noteStatus } from '../../limits/refusals-plugin.ts';
import { withHead } from '../answer-head.ts';
import { untilExpired } from '../expiring-operations.ts';
import type { HttpContext } from './graphql-requests.ts';
import { type JsonType, jsonTypeFor } from './media-types.ts';
import { type JsonRequest, jsonRequestIn } from './request-body.ts';

export interface JsonRequests {
  readonly yoga: Yoga;
  readonly documents: TrustedDocuments;
  readonly known: KnownDocuments;
  readonly onFault: OnFault;
}

interface JsonOperation extends KnownOperation, JsonRequest {}

/**
 * Answers requests to the API. Most are queries and commands whose document is known, sent and answered as JSON: these go through
 * the pipeline as operations over WebSocket do, without Fetch's objects, which cost more than all the rest. Everything else goes
 * through Yoga, which also says what is wrong with a request.
 */
export function answerRequests(options: JsonRequests) {
  const { yoga } = options;
  return (request: IncomingMessage, response: ServerResponse, context: HttpContext): unknown => {
    const type = request.method === 'POST' ? jsonTypeFor(request.headers) : undefined;
    const asked = type && askedIn(context.body, options);
    return type && asked ? answerJson(options, response, context, type, asked) : yoga(request, response, context);
  };
}

function askedIn(body: HttpContext['body'], { documents, known }: JsonRequests): JsonOperation | undefined {
  const sent = jsonRequestIn(body, documents);
  const found = sent && known.find(sent.query, sent.operationName);
  if (!found || found.operation.operation === OperationTypeNode.SUBSCRIPTION) return undefined;
  return { ...sent, ...found };
}

async function answerJson(
  options: JsonRequests,
  response: ServerResponse,
  context: HttpContext,
  type: JsonType,
  asked: JsonOperation,
): Promise<void> {
  const { visit, client } = context;
  const expiresAt = visit.authenticated?.expiresAt;
  const running = execute(options, context, asked);
  // Commands were authorised when they were taken, and their outcome must not be hidden.
  const mayEnd = asked.operation.operation === OperationTypeNode.QUERY;
  const result = await (expiresAt && mayEnd ? untilExpired(running, expiresAt) : running);
  const token = tokenIn(result);
  if (token !== undefined) response.setHeader(TOKEN_HEADER, token);
  if (!result.errors) {
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(writtenAnswer(result));
    return;
  }
  noteRefusal(visit, result.errors, client.correlationId);
  const answered = withHead(result, type, visit.authenticated !== null);
  const answer = processRegularResult(answered as never, { Response } as never, type);
  noteStatus(visit, answer.status, client.correlationId);
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
}

async function execute(
  { yoga, onFault }: JsonRequests,
  { visit, client }: HttpContext,
  { document, variables, operationName }: JsonOperation,
): Promise<ExecutionResult> {
  try {
    const pipeline = yoga.getEnveloped({ visit, client });
    const args: ExecutionArgs = {
      schema: pipeline.schema,
      document,
      contextValue: await pipeline.contextFactory(),
      variableValues: variables,
      operationName,
    };
    return await pipeline.execute(args);
  } catch (error) {
    return { errors: [answerError(error, client.correlationId, onFault)] };
  }
}

function tokenIn({ extensions }: ExecutionResult): string | undefined {
  return (extensions?.consistency as { readonly token?: string } | undefined)?.token;
}
