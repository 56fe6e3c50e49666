/** The answer to an operation over HTTP. */
export interface Answer<Data> {
  readonly status: number;
  readonly headers: Headers;
  /** The body as it came. */
  readonly text: string;
  readonly data: Data;
  readonly errors: readonly AnswerError[] | undefined;
  /** The code of the first error, if there was one. */
  readonly code: string | undefined;
  readonly consistency: { readonly token: string; readonly stale?: boolean };
}

export interface AnswerError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: { readonly code: string; readonly [fact: string]: unknown };
}

export interface QueryOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as `Authorization: Bearer …`. */
  readonly token?: string | undefined;
  /** The consistency token to read after; empty for none. */
  readonly readAfter?: string | undefined;
  readonly operationName?: string;
  readonly signal?: AbortSignal;
}

export interface CommandOptions extends QueryOptions {
  readonly commandId?: string | null;
  readonly expectedVersion?: number | null;
  /** Fields of the receipt's `query`. */
  readonly query?: string;
}

/** The possible answers of a command, with the fields of all types. */
export interface CommandAnswer<Query = unknown> {
  readonly __typename: string;
  readonly commandId: string;
  readonly aggregateId: string;
  readonly version: number;
  readonly token: string;
  readonly replayed: boolean;
  readonly query: Query;
  readonly code: string;
  readonly message: string;
  readonly issues: readonly { readonly path: readonly string[]; readonly message: string }[];
  readonly expectedVersion: number;
  readonly actualVersion: number;
}

/** How a client of an API goes about it. */
export interface ClientOptions {
  /** The type of a mutation's input. */
  readonly inputTypeOf: (mutation: string) => string;
  /** The access token of requests that name none. */
  readonly token?: (() => Promise<string>) | undefined;
  /** Told of each receipt. */
  readonly onReceipt?: ((token: string) => void) | undefined;
  /** The token that requests read after unless they say otherwise. */
  readonly readAfter?: (() => string | undefined) | undefined;
}

/** A client of the API over HTTP that returns answers without judging them. */
export class HttpClient {
  readonly #url: () => string;
  readonly #options: ClientOptions;

  constructor(url: () => string, options: ClientOptions) {
    this.#url = url;
    this.#options = options;
  }

  /** Sends an operation. */
  query<Data = Record<string, unknown>>(
    query: string,
    variables?: Readonly<Record<string, unknown>>,
    { operationName, ...options }: QueryOptions = {},
  ): Promise<Answer<Data>> {
    return this.post(JSON.stringify({ query, variables, operationName }), options);
  }

  /** Sends a body, whatever it is. */
  post<Data = Record<string, unknown>>(
    body: string | Uint8Array<ArrayBuffer>,
    options: QueryOptions = {},
  ): Promise<Answer<Data>> {
    return this.send({ method: 'POST', body, headers: { 'content-type': 'application/json' } }, options);
  }

  /** Sends a request to the API, `search` included. */
  async send<Data = Record<string, unknown>>(
    init: RequestInit & { readonly search?: string },
    { headers, token, readAfter = this.#options.readAfter?.(), signal }: QueryOptions = {},
  ): Promise<Answer<Data>> {
    const credentials = token ?? (await this.#options.token?.());
    const response = await fetch(`${this.#url()}/graphql${init.search ?? ''}`, {
      ...init,
      headers: {
        ...(init.headers as Record<string, string>),
        ...(credentials === undefined ? {} : { authorization: `Bearer ${credentials}` }),
        ...(readAfter ? { 'read-after': readAfter } : {}),
        ...headers,
      },
      signal: signal ?? null,
    });
    const text = await response.text();
    const body = readJson(text);
    return {
      status: response.status,
      headers: response.headers,
      text,
      data: body.data as Data,
      errors: body.errors,
      code: body.errors?.[0]?.extensions?.code,
      consistency: body.extensions?.consistency ?? { token: '' },
    };
  }

  /** Issues a command with its input in a variable, and expects an answer without errors. */
  async command<Query = unknown>(
    name: string,
    input: Readonly<Record<string, unknown>>,
    options: CommandOptions = {},
  ): Promise<CommandAnswer<Query>> {
    const answer = await this.tryCommand<Query>(name, input, options);
    const outcome = answer.data?.[name];
    if (answer.errors || !outcome) throw new Error(`${name} was answered ${answer.text}`);
    return outcome;
  }

  /**
   * Issues a command that has to be accepted.
   * @throws {Error} with the answer if it is not.
   */
  async accepted<Query = unknown>(
    name: string,
    input: Readonly<Record<string, unknown>>,
    options: CommandOptions = {},
  ): Promise<CommandAnswer<Query>> {
    const outcome = await this.command<Query>(name, input, options);
    if (outcome.__typename !== 'CommandReceipt') throw new Error(`${name} was answered ${JSON.stringify(outcome)}`);
    return outcome;
  }

  /** Issues a command and returns the whole answer, for requests that may have errors. */
  async tryCommand<Query = unknown>(
    name: string,
    input: unknown,
    { commandId, expectedVersion, query, ...options }: CommandOptions = {},
  ): Promise<Answer<Record<string, CommandAnswer<Query>> | null | undefined>> {
    const document = mutationOf(name, this.#options.inputTypeOf(name), query);
    const answer = await this.query<Record<string, CommandAnswer<Query>> | null | undefined>(
      document,
      { input, commandId, expectedVersion },
      options,
    );
    const token = answer.data?.[name]?.token;
    if (token) this.#options.onReceipt?.(token);
    return answer;
  }
}

/** The document of a mutation that selects everything that may be answered. */
export function mutationOf(name: string, inputType: string, query?: string): string {
  return `mutation ($input: ${inputType}!, $commandId: ID, $expectedVersion: Int) {
    ${name}(input: $input, commandId: $commandId, expectedVersion: $expectedVersion) { ${outcomeFields(query)} }
  }`;
}

/** Everything that a command may answer. */
export function outcomeFields(query?: string): string {
  return `__typename
    ... on CommandReceipt { commandId aggregateId version token replayed ${query ? `query { ${query} }` : ''} }
    ... on Error { code message }
    ... on ValidationError { issues { path message } }
    ... on ConcurrencyConflict { expectedVersion actualVersion }
    ... on AggregateNotFound { aggregateId }
    ... on CommandIdReused { commandId }`;
}

interface AnswerBody {
  readonly data?: unknown;
  readonly errors?: readonly AnswerError[];
  readonly extensions?: { readonly consistency?: { readonly token: string; readonly stale?: boolean } };
}

function readJson(text: string): AnswerBody {
  try {
    return JSON.parse(text) as AnswerBody;
  } catch {
    return {};
  }
}
