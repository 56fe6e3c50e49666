import { eventTransport } from '../streams/event-transport.ts';
import { type CreateSockets, socketTransport } from '../streams/socket-transport.ts';
import { type Interruption, type Sink, Stream, type StreamParts, type Transport } from '../streams/stream.ts';
import type { Answer, Document, Operation, Typed, Variables } from './answer.ts';
import {
  type CommandReceipt,
  identified,
  receiptIn,
  type SendingOptions,
  takesCommandId,
  untilAnswered,
} from './command.ts';
import { type Auth, Credentials, Principal, signedOut } from './credentials.ts';
import { AfterwriteError } from './errors.ts';
import { createHttp, type Fetch } from './http.ts';
import { Listeners } from './listeners.ts';
import { either } from './pause.ts';
import type { CreateQueue, QueuedOutcome } from './queue.ts';
import { inPage, type Share, shareTokens } from './sharing.ts';
import { Stale, type StaleChange } from './stale.ts';
import { attempt, type TokenStorage } from './storage.ts';
import { Tokens, tokensIn } from './tokens.ts';

export interface AfterwriteOptions {
  /** The address of the API, for example `https://api.example.org/graphql`. */
  readonly url: string;
  /** Returns the access token; by default everybody is anonymous. */
  readonly auth?: Auth;
  /** How far tokens are shared: `tabs` by default in a page, `none` on a server. */
  readonly share?: Share;
  /** `createClient` of the package `graphql-ws`: subscriptions go over a WebSocket. By default they are server-sent events. */
  readonly sockets?: CreateSockets;
  /** How long a connection for subscriptions may be silent before it is opened again, in ms: 30 seconds by default. */
  readonly silenceMs?: number;
  /** Where commands wait while the server cannot be reached: `queueIn()` of `@afterwrite/client/queue`. */
  readonly queue?: CreateQueue;
  /** Where a tab keeps its newest token over a reload: `sessionStorage` by default in a page. */
  readonly storage?: TokenStorage;
  /** `print` of the package `graphql`, for parsed documents that do not keep their text, as gql.tada makes them. */
  print?(document: object): string;
  /** Instead of the platform's. */
  readonly fetch?: Fetch;
}

export interface RequestOptions {
  readonly signal?: AbortSignal;
  readonly operationName?: string;
}

export interface MutationOptions extends SendingOptions {
  readonly operationName?: string;
}

export interface CommandOptions extends MutationOptions {
  /** If true, the command waits for the server as long as it takes, also over reloads, after those before it. */
  readonly queue?: boolean;
}

/** A client that reads its own writes, over queries, mutations and subscriptions. */
export interface Afterwrite {
  /** The newest place in the log that was written or seen; for a page that a server renders, for example in a cookie. */
  readonly token: string | undefined;
  /** Tokens are comparable only while this number stays the same. */
  readonly reign: number;
  /** How many commands wait in the queue. */
  readonly queued: number;
  /** Takes a token that came another way, for example from the server that has rendered the page. */
  saw(token: string): void;
  /** Sends a query that waits for everything that was written and seen. @throws {UnreachableError} */
  query<Data = unknown, Given extends Variables = Variables>(
    document: Document & Typed<Data, Given>,
    variables?: Given,
    options?: RequestOptions,
  ): Promise<Answer<Data>>;
  /**
   * Sends a mutation. If the document declares `$commandId`, it is sent until there is an answer, as a command is.
   * @throws {UnreachableError}, {@link AfterwriteError} NO_ANSWER
   */
  mutate<Data = unknown, Given extends Variables = Variables>(
    document: Document & Typed<Data, Given>,
    variables?: Given,
    options?: MutationOptions,
  ): Promise<Answer<Data>>;
  /**
   * Subscribes until the returned function is called, also over lost connections. If the document declares
   * `$after: ConsistencyToken` and `variables` leave it out, each beginning is after what was written and seen.
   */
  subscribe<Data = unknown, Given extends Variables = Variables>(
    document: Document & Typed<Data, Given>,
    variables: Given,
    sink: Sink<Data>,
    options?: { operationName?: string },
  ): () => void;
  /**
   * Sends a command until there is an answer, with the same `commandId`. The document declares `$commandId`.
   * @throws {CommandError} if it is refused, {@link RequestError} if the request is, {@link AfterwriteError} NO_ANSWER.
   */
  command<Given extends Variables = Variables>(
    document: Document & Typed<unknown, Given>,
    variables?: Given,
    options?: CommandOptions,
  ): Promise<CommandReceipt>;
  /** Tells what became of commands of the queue. @returns a function that ends it. */
  onQueued(listener: (outcome: QueuedOutcome) => void): () => void;
  /** Tells when what is shown is stale, and when it is fresh again. @returns a function that ends it. */
  onStale(listener: (change: StaleChange) => void): () => void;
  /** Tells when a subscription is interrupted, at each attempt, and when it goes on. @returns a function that ends it. */
  onInterrupted(listener: (change: Interruption) => void): () => void;
  /** Call it after a user has signed in. Subscriptions of another user begin again, and the queue is sent. */
  signIn(): Promise<void>;
  /** Call it after the user has signed out. It ends all subscriptions and sockets, and forgets tokens and queued commands. */
  signOut(): void;
  /** Ends everything. Queued commands stay in their storage. */
  close(): void;
}

/** How long a connection may be silent by default, in ms. The server sends something every 12 seconds. */
const SILENCE_MS = 30_000;

/** Creates a client. One is enough for a page. */
export function createAfterwrite(options: AfterwriteOptions): Afterwrite {
  const { url, auth = () => undefined, sockets, silenceMs = SILENCE_MS } = options;
  const share = options.share ?? (inPage ? 'tabs' : 'none');
  const tab = share === 'none' ? undefined : (options.storage ?? (inPage ? attempt(() => sessionStorage) : undefined));
  const streams = new Set<Stream>();
  const stale = new Stale();
  const outcomes = new Listeners<QueuedOutcome>();
  const interruptions = new Listeners<Interruption>();
  const tokens = new Tokens((change) => sharing.tell(change));
  const credentials = new Credentials(auth, (identity, former) => {
    queue?.knows(identity);
    if (former !== undefined) allStreams('restart');
  });
  const http = createHttp(url, options.fetch ?? ((...request) => fetch(...request)), credentials, tokens);
  const transport: Transport = sockets
    ? socketTransport(url, sockets, credentials, silenceMs)
    : eventTransport(http, silenceMs);
  const signIn = async () => {
    await credentials.present();
    void queue?.drain();
  };
  const sharing = shareTokens(url, share, tab, {
    newest: () => tokens.newest,
    heard: (token) => tokens.heard(token),
    dropped: (token) => void tokens.drop(token),
    signedOut: (identity) => leave(identity),
  });
  tokens.waitFor(sharing.replied);
  const allStreams = (act: 'restart' | 'complete') => {
    for (const stream of streams) stream[act]();
    transport.reset?.();
  };
  /** In another tab a user has signed out, who need not be the one of this tab. */
  const leave = (left: string | undefined) => {
    const { identity = left } = credentials;
    if ((left ?? identity) === identity) {
      // Before anything else is asked: the application may fail to tell who is there now.
      credentials.signOut(signedOut());
      tokens.clear();
      sharing.keep();
      allStreams('restart');
    }
    if (left !== undefined) queue?.forget(left);
    void queue?.drain();
  };
  const operationOf = (document: Document, variables: Variables = {}, operationName?: string): Operation => {
    const isParsed = typeof document === 'object' && 'definitions' in document;
    const query = isParsed ? (document.loc?.source.body ?? options.print?.(document)) : document?.valueOf();
    if (!query)
      throw new AfterwriteError(
        'DOCUMENT_WITHOUT_TEXT',
        'The document has no text: give createAfterwrite `print` of graphql.',
      );
    return { query, variables, operationName };
  };
  const note = (operation: Operation, answer: Answer) => {
    stale.note(operation, answer);
    for (const token of tokensIn(answer)) tokens.answered(token);
    // Its document says of what type the data are.
    return answer as Answer<never>;
  };
  const send = async (operation: Operation, { signal }: SendingOptions, principal = new Principal(credentials)) =>
    note(operation, await http.send(operation, {}, principal, signal));
  const sendUntilAnswered = (operation: Operation, sending: SendingOptions, principal = new Principal(credentials)) => {
    const attempt = (limit: AbortSignal) => send(operation, { signal: either(limit, sending.signal) }, principal);
    return untilAnswered<never>(attempt, operation, { ...sending, signal: either(principal.signedIn, sending.signal) });
  };
  const command = async (...sent: Parameters<typeof sendUntilAnswered>) => receiptIn(await sendUntilAnswered(...sent));
  const queue = options.queue?.({
    name: `afterwrite-queue ${url} `,
    credentials,
    tab,
    send: (operation, identity, signal) => command(operation, { signal }, new Principal(credentials, identity)),
    settled: outcomes.tell,
  });
  const parts: StreamParts = { transport, credentials, tokens, streams, note, interrupted: interruptions.tell };
  // What a former page has left.
  if (queue?.length) void queue.drain();
  return {
    get token() {
      return tokens.newest;
    },
    get reign() {
      return tokens.reign;
    },
    get queued() {
      return queue?.length ?? 0;
    },
    saw: (token) => {
      tokens.heard(token);
      sharing.keep();
    },
    query: async (document, variables, { signal, operationName } = {}) => {
      const operation = operationOf(document, variables, operationName);
      return note(operation, await http.query(operation, signal));
    },
    mutate: async (document, variables, { operationName, ...sending } = {}) => {
      const operation = operationOf(document, variables, operationName);
      if (!takesCommandId(operation.query)) return send(operation, sending);
      return sendUntilAnswered(identified(operation), sending);
    },
    subscribe: (document, variables, sink, { operationName } = {}) => {
      const stream = new Stream(operationOf(document, variables, operationName), sink as Sink, parts);
      return () => stream.stop();
    },
    command: async (document, variables, { operationName, queue: waits, ...sending } = {}) => {
      const operation = identified(operationOf(document, variables, operationName));
      if (!takesCommandId(operation.query)) {
        throw new AfterwriteError('COMMAND_ID_MISSING', 'Declare `$commandId: ID` in the document, and pass it on.');
      }
      if (!waits) return command(operation, sending);
      if (!queue) throw new AfterwriteError('QUEUE_MISSING', 'Give createAfterwrite `queue: queueIn()`.');
      return queue.add(operation);
    },
    onQueued: outcomes.add,
    onStale: stale.listeners.add,
    onInterrupted: interruptions.add,
    signIn,
    signOut: () => {
      const identity = credentials.identity ?? queue?.lastIdentity;
      allStreams('complete');
      credentials.signOut(signedOut());
      tokens.clear();
      if (identity !== undefined) queue?.forget(identity);
      sharing.signOut(identity);
    },
    close: () => {
      const reason = new AfterwriteError('CLOSED', 'The client was closed.');
      allStreams('complete');
      queue?.stop(reason);
      credentials.signOut(reason);
      sharing.close();
    },
  };
}
