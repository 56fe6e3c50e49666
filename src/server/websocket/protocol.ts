import { type DocumentNode, GraphQLError, getOperationAST, OperationTypeNode } from 'graphql';
import { type Context, makeServer, type Server, type SubscribePayload } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Caller } from '../../graphql/context.ts';
import type { SentOperation } from '../../graphql/documents/trusted-documents.ts';
import { answerError, type ReportFault } from '../../graphql/plugins/errors.ts';
import { pause } from '../../scheduling/sleeper.ts';
import type { Turns } from '../../scheduling/turns.ts';
import type { Config } from '../../settings/config.ts';
import { type ApiLease, type Apis, lendTo, type TransportApi } from '../apis.ts';
import { credentialsOf } from '../auth/authenticator.ts';
import type { Yoga } from '../graphql.ts';
import { CORRELATION_HEADER, correlationIdFrom, traceparentFrom } from '../http/requests/request-id.ts';
import { graphqlErrorOf, limitIn, OverLimitError } from '../limits/over-limit.ts';
import { refusalCode } from '../limits/refusals-plugin.ts';
import { pointsOfDocument } from '../limits/traffic.ts';
import type { ServerObserver } from '../operations/occurrences.ts';
import type { Session } from './session.ts';

export interface ProtocolOptions {
  readonly apis: Apis;
  /** Turns of messages, and of subscriptions that begin, on the event loop. */
  readonly turns: Turns;
  readonly config: Pick<Config, 'subscriptionsPerConnection' | 'connectionInitTimeoutMs'>;
  readonly observer: Pick<ServerObserver, 'tell'>;
  readonly reportFault: ReportFault;
}

/** How long a caller who opens sockets although they are over their limits waits for the refusal, in ms. */
const THROTTLED_WAIT_MS = 1000;

const ENDED = refusal('The subscription has ended.');

type Connecting = Context<Record<string, unknown>, Session>;
type Pipeline = ReturnType<Yoga['getEnveloped']>;
type PipelineRoot = Pick<Pipeline, 'execute' | 'subscribe'>;

/** The graphql-ws protocol: who may connect, and what a message that opens a subscription becomes. */
export function subscriptionProtocol(options: ProtocolOptions): Server<Session> {
  return makeServer<Record<string, unknown>, Session>({
    connectionInitWaitTimeout: options.config.connectionInitTimeoutMs,
    // Yoga's pipeline, which `onSubscribe` creates for each operation.
    execute: (args) => (args.rootValue as PipelineRoot).execute(args),
    subscribe: (args) => (args.rootValue as PipelineRoot).subscribe(args),
    onConnect: (connecting) => connect(connecting, options),
    onDisconnect: ({ extra }) => extra.forgetExpiry(),
    onComplete: ({ extra }) => extra.releaseApi(),
    onError: ({ extra }, _id, _payload, errors) => noteRefusal(extra, errors),
    onSubscribe: (connecting, id, payload) => beginSubscription(connecting, id, payload, options),
  });
}

/** @returns false if the connection was refused, and is closed. */
async function connect({ connectionParams, extra: session }: Connecting, { observer }: ProtocolOptions) {
  try {
    await session.visit.authenticate(credentialsOf(connectionParams) ?? session.headers.authorization);
    await session.visit.spend(1);
  } catch (error) {
    // They would open the next socket at once.
    if (error instanceof OverLimitError) await pause(THROTTLED_WAIT_MS, session.gone, { keepsProcess: false });
    const sent = textIn(connectionParams, CORRELATION_HEADER) ?? session.headers[CORRELATION_HEADER];
    session.refuse(error, correlationIdFrom(sent), observer);
    return false;
  }
  // The check takes a while; the client may be gone.
  if (session.socket.readyState === WebSocket.OPEN) session.closeAtExpiry();
  return true;
}

function noteRefusal(session: Session, errors: readonly GraphQLError[]): void {
  const code = refusalCode(errors);
  if (code === undefined) return;
  session.visit.refused({ code, limit: limitIn(errors) });
  if (code === 'THROTTLED') session.throttled();
}

/** What graphql-ws executes, or the errors of a subscription that is refused. */
async function beginSubscription(
  connecting: Connecting,
  id: string,
  payload: SubscribePayload,
  options: ProtocolOptions,
) {
  const refused = await whyNotAdmitted(connecting, id, options);
  if (refused) return [refused];
  const client = { ...clientOf(connecting, payload), sink: connecting.extra.sinkOf(id) };
  let lease: ApiLease;
  try {
    lease = await lendTo(options.apis, connecting.extra.visit);
  } catch (error) {
    return [answerError(error, client.correlationId, options.reportFault)];
  }
  try {
    const begun = await beginOn(lease.api, connecting.extra, payload, client, options);
    // The protocol tells of the end of each subscription that has begun.
    if ('schema' in begun) connecting.extra.holdApi(lease.release);
    else lease.release?.();
    return begun;
  } catch (error) {
    lease.release?.();
    throw error;
  }
}

/** What graphql-ws executes, with the API of the caller. */
async function beginOn(
  api: TransportApi,
  session: Session,
  payload: SubscribePayload,
  client: Caller,
  options: ProtocolOptions,
) {
  const pipeline = api.yoga.getEnveloped({ client, visit: session.visit });
  const document = await readDocument(payload, pipeline, client.correlationId, session, api, options);
  if (!('kind' in document)) return document;
  const operationName = payload.operationName || null;
  const noSubscription = whyNoSubscription(document, operationName);
  if (noSubscription) return [noSubscription];
  const { schema, contextFactory, execute, subscribe } = pipeline;
  return {
    schema,
    document,
    operationName,
    variableValues: payload.variables ?? null,
    contextValue: await contextFactory(),
    rootValue: { execute, subscribe } satisfies PipelineRoot,
  };
}

/** Counts the subscription for its caller, and waits for its turn on the event loop. */
async function whyNotAdmitted(
  { subscriptions, extra: { visit } }: Connecting,
  id: string,
  { config, turns }: ProtocolOptions,
): Promise<GraphQLError | undefined> {
  if (Object.keys(subscriptions).length > config.subscriptionsPerConnection) {
    return refusal(`A connection holds at most ${config.subscriptionsPerConnection} subscriptions.`);
  }
  try {
    await visit.spend(1);
  } catch (error) {
    if (!(error instanceof OverLimitError)) throw error;
    return graphqlErrorOf(error, undefined);
  }
  // Many subscriptions may begin in one message of the network.
  await turns.take(visit.caller);
  // The client has ended it meanwhile. Nothing is sent.
  return id in subscriptions ? undefined : ENDED;
}

/** The sender of a subscription. Browsers cannot set headers here, so the payloads of messages may have them. */
function clientOf({ connectionParams, extra: session }: Connecting, { extensions }: SubscribePayload) {
  const sent = (name: string) => textIn(extensions, name) ?? textIn(connectionParams, name) ?? session.headers[name];
  return {
    actor: session.visit.authenticated?.actor ?? null,
    address: session.visit.address,
    correlationId: correlationIdFrom(sent(CORRELATION_HEADER)),
    traceparent: traceparentFrom(sent('traceparent')),
    connection: session,
    opening: session.gone,
  };
}

/** The document of a subscription, or what is wrong with it. */
async function readDocument(
  payload: SubscribePayload,
  { schema, parse, validate }: Pipeline,
  correlationId: string,
  { visit }: Session,
  { documents, known }: TransportApi,
  { reportFault }: ProtocolOptions,
): Promise<DocumentNode | readonly GraphQLError[]> {
  try {
    const text = documents.textOf(payload as SentOperation) ?? '';
    const isKnown = known.find(text, payload.operationName ?? undefined) !== undefined;
    if (!isKnown) await visit.spend(pointsOfDocument(text.length));
    const document: DocumentNode = parse(text);
    // The payload is kept as long as the subscription; the text of the document is not needed any more.
    Object.assign(payload, { query: '' });
    const errors: readonly GraphQLError[] = validate(schema, document);
    return errors.length > 0 ? errors : document;
  } catch (error) {
    if (error instanceof OverLimitError) return [graphqlErrorOf(error, undefined)];
    // A validation rule that stops at its first error throws it.
    return [answerError(error, correlationId, reportFault)];
  }
}

function whyNoSubscription(document: DocumentNode, operationName: string | null): GraphQLError | undefined {
  const operation = getOperationAST(document, operationName);
  if (!operation) return refusal('The document has no such operation; name one where it has several.');
  if (operation.operation === OperationTypeNode.SUBSCRIPTION) return undefined;
  return refusal('WebSocket carries subscriptions only; send queries and mutations over HTTP.');
}

/** A text that the client has sent under a name, if it is text. */
function textIn(sent: Readonly<Record<string, unknown>> | null | undefined, name: string): string | undefined {
  const value = sent?.[name];
  return typeof value === 'string' ? value : undefined;
}

function refusal(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } });
}
