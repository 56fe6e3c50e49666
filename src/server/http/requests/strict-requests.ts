import { GraphQLError } from 'graphql';
import type { GraphQLParams, Plugin } from 'graphql-yoga';
import {
  NOT_SUPPORTED,
  type SentOperation,
  type TrustedDocuments,
} from '../../../graphql/documents/trusted-documents.ts';
import type { HttpContext } from './graphql-requests.ts';
import { isJson, takes } from './media-types.ts';
import { UnfitJsonError } from './request-body.ts';

/** The media types that Yoga can answer with. */
const ANSWERS = ['application/graphql-response+json', 'application/json', 'text/event-stream', 'multipart/mixed'];

/** Clients react to this message by sending the query itself; no cache may answer for them. */
const NO_JSON = 'The body is not JSON.';
const NO_STORE = { 'cache-control': 'no-store' };

/**
 * Refuses requests that are not GraphQL over HTTP, with a clear message and before anything is executed: a mutation
 * whose answer cannot be sent would still take effect.
 *
 * Bodies must be JSON: a form on another site could send a mutation with the user's cookies, whereas JSON needs a
 * preflight, which CORS decides.
 */
export function useStrictRequests(documents: TrustedDocuments): Plugin<object, Partial<HttpContext>> {
  return {
    onRequest: ({ request, fetchAPI, endResponse }) => {
      const refuse = (status: number, message: string) =>
        endResponse(
          fetchAPI.Response.json({ errors: [{ message, extensions: { code: 'BAD_USER_INPUT' } }] }, { status }),
        );
      if (!accepts(request.headers.get('accept'))) {
        return refuse(406, 'Answers are JSON: accept application/graphql-response+json or application/json.');
      }
      if (request.method === 'POST' && !isJson(request.headers.get('content-type'))) {
        return refuse(415, 'Send operations as JSON, with content-type: application/json.');
      }
    },
    // Yoga would answer 406 without a message.
    onSubscribe: ({ args, setResultAndStopExecution }) => {
      const { request } = args.contextValue as { request?: Request };
      if (!request || takes('text/event-stream', request.headers.get('accept'))) return;
      const message = 'Subscriptions are answered with a stream: accept text/event-stream, or use WebSocket.';
      const extensions = { code: 'BAD_USER_INPUT', http: { status: 406 } };
      setResultAndStopExecution({ errors: [new GraphQLError(message, { extensions })] });
    },
    onRequestParse: ({ request: { method }, serverContext, requestParser, setRequestParser, fetchAPI }) => {
      // Yoga's body parser knows fewer names for JSON, no byte order mark, and no time limit.
      const { body } = serverContext;
      const parse = body ? () => body.read() as GraphQLParams : requestParser;
      if (!parse) return;
      setRequestParser(async (request) => {
        try {
          const params = await parse(request);
          return withDocument(params, documents, method === 'GET' ? request.url : undefined);
        } catch (error) {
          if (isNotSupported(error)) {
            return fetchAPI.Response.json({ errors: [NOT_SUPPORTED] }, { headers: NO_STORE });
          }
          if (!(error instanceof SyntaxError)) throw error;
          if (error instanceof UnfitJsonError) throw badRequest(error.message);
          const message = method === 'POST' ? NO_JSON : 'The variables and extensions of a GET request are JSON.';
          throw badRequest(message);
        }
      });
    },
    // Some clients always send this field, empty if the operation has none. The parameters may not be an object yet.
    onParams: ({ params, setParams }) => {
      if (params?.operationName !== '') return;
      const { operationName: _, ...unnamed } = params;
      setParams(unnamed);
    },
  };
}

/** Replaces the id of a document with its text. The parameters may not be an object; Yoga reports that. */
function withDocument(params: unknown, documents: TrustedDocuments, url: string | undefined): GraphQLParams {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return params as GraphQLParams;
  const { documentId: sent, ...rest } = params as SentOperation;
  const documentId = sent ?? (url && new URL(url).searchParams.get('documentId'));
  const query = documents.textOf({ ...rest, documentId });
  return (query === undefined ? params : { ...rest, query }) as GraphQLParams;
}

function isNotSupported(error: unknown): boolean {
  return error instanceof GraphQLError && error.extensions.code === NOT_SUPPORTED.extensions.code;
}

function accepts(accept: string | null): boolean {
  return ANSWERS.some((answer) => takes(answer, accept));
}

function badRequest(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT', http: { status: 400 } } });
}
